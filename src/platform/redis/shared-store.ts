import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'iovalkey';

import { RedisConfig } from '../config/index.js';
import { InjectLogger, type Logger } from '../logging/index.js';

/** A command that takes longer counts as no answer. */
const COMMAND_MS = 250;
const CONNECT_MS = 2_000;
const MAX_RECONNECT_MS = 2_000;

/** Whether replicas can tell each other what they know. `off`: no server is configured. */
export type SharedState = 'off' | 'up' | 'away';

/** A Lua script; its text is its identity. */
export interface Script {
  readonly text: string;
}

/** What replicas share: short-lived facts that make decisions better and that everything works without. No command waits longer than
 *  250 ms, none is queued while the server is away, and none throws: `undefined` is the answer of a server that gave none. */
@Injectable()
export class SharedStore implements OnApplicationShutdown {
  readonly #commands: Redis | undefined;
  readonly #subscriber: Redis | undefined;
  readonly #listeners = new Map<string, (message: string) => void>();

  constructor(
    config: RedisConfig,
    @InjectLogger() private readonly logger: Logger,
  ) {
    if (config.url === null) return;
    this.#commands = this.#connect(config.url, { commandTimeout: COMMAND_MS });
    this.#subscriber = this.#connect(config.url, {});
    this.#subscriber.on('message', (channel: string, message: string) => this.#listeners.get(channel)?.(message));
    this.#subscriber.on('ready', () => {
      this.#subscribeAgain();
    });
  }

  get state(): SharedState {
    if (this.#commands === undefined) return 'off';
    return this.#commands.status === 'ready' && this.#subscriber?.status === 'ready' ? 'up' : 'away';
  }

  /** Runs a script in one step on the server. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#commands === undefined || this.state !== 'up') return undefined;
    return this.#commands.eval(script.text, keys.length, ...keys, ...args).catch(() => undefined);
  }

  /** Takes a name for a time, when nobody has it. Undefined: nobody could be asked. */
  async lease(name: string, owner: string, ms: number): Promise<boolean | undefined> {
    if (this.#commands === undefined || this.state !== 'up') return undefined;
    return this.#commands
      .set(name, owner, 'PX', Math.max(1, Math.round(ms)), 'NX')
      .then((answer) => answer === 'OK')
      .catch(() => undefined);
  }

  /** Tells everybody who listens, this process included. Lost while the server is away. */
  publish(channel: string, message: string): void {
    if (this.#commands === undefined || this.state !== 'up') return;
    this.#commands.publish(channel, message).catch(() => undefined);
  }

  /** Hears a channel from now on, again after every reconnect. One listener per channel; it must not throw. */
  hear(channel: string, listener: (message: string) => void): void {
    this.#listeners.set(channel, listener);
    if (this.#subscriber?.status === 'ready') this.#subscriber.subscribe(channel).catch(() => undefined);
  }

  onApplicationShutdown(): void {
    this.#commands?.disconnect();
    this.#subscriber?.disconnect();
  }

  #connect(url: string, options: { readonly commandTimeout?: number }): Redis {
    const client = new Redis(url, {
      ...options,
      connectTimeout: CONNECT_MS,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (times: number) => Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(times, 10)),
    });
    let wasUp = true;
    client.on('ready', () => {
      wasUp = true;
    });
    client.on('error', (error: Error) => {
      // Once per outage: every reconnect that fails says the same.
      if (wasUp) this.logger.warn({ event: 'redis.away', reason: (error as { code?: string }).code ?? error.name });
      wasUp = false;
    });
    return client;
  }

  #subscribeAgain(): void {
    const channels = [...this.#listeners.keys()];
    if (channels.length > 0) this.#subscriber?.subscribe(...channels).catch(() => undefined);
  }
}
