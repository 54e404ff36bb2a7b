import { hash } from 'node:crypto';

import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { UnitOfWork, type Tx } from '../database/index.js';
import { ConfigSnapshot, type SnapshotPart } from './config-snapshot.js';
import { ConfigListener } from './persistence/config-listener.js';
import { raiseConfigVersion, readConfigVersion } from './persistence/config-version.repository.js';

const POLL_MS = 5_000;

/** Builds the configuration snapshot, swaps it when the database's version moves, and writes configuration changes. */
@Injectable()
export class ConfigSnapshots implements OnApplicationShutdown {
  readonly #parts: SnapshotPart<unknown>[] = [];
  readonly #listeners: ((snapshot: ConfigSnapshot) => void)[] = [];
  #current: ConfigSnapshot | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;
  #stopPolling: () => void = () => undefined;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
    private readonly channel: ConfigListener,
  ) {}

  /** Adds a module's part; called in constructors, before {@link start}. */
  register<T>(part: SnapshotPart<T>): SnapshotPart<T> {
    if (this.#parts.some(({ name }) => name === part.name))
      throw new Error(`Two snapshot parts are named ${part.name}`);
    this.#parts.push(part);
    this.#parts.sort((a, b) => (a.name < b.name ? -1 : 1));
    return part;
  }

  /** Calls `listener` after each swap, with the new snapshot. */
  onSwap(listener: (snapshot: ConfigSnapshot) => void): void {
    this.#listeners.push(listener);
  }

  /** Loads the first snapshot and begins to listen and poll. @throws when a part cannot be loaded: the start fails */
  async start(): Promise<void> {
    await this.refresh();
    await this.channel.listen(() => void this.refresh().catch(() => undefined));
    this.#poll();
  }

  onApplicationShutdown(): Promise<void> {
    this.#stopPolling();
    return this.channel.close();
  }

  /** The snapshot in force. Take it once per decision and pass it on. */
  current(): ConfigSnapshot {
    if (this.#current === undefined) throw new Error('The configuration is not loaded yet');
    return this.#current;
  }

  /** The hash of the snapshot in force; undefined while the first one is not loaded. */
  currentHash(): string | undefined {
    return this.#current?.hash;
  }

  /** Runs a configuration change in one transaction and resolves when this replica already uses it.
   *  Other replicas follow by notification, at the latest by their poll. */
  async change<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const result = await this.unitOfWork.run(async (tx) => {
      const value = await work(tx);
      await raiseConfigVersion(tx);
      return value;
    });
    await this.refresh();
    return result;
  }

  /** Reads the database and swaps when its version is newer. Concurrent calls share the work; a call that comes while one
   *  runs waits for one more, so that it sees what was committed before it. */
  async refresh(): Promise<void> {
    if (this.#refreshing !== undefined) {
      this.#again = true;
      await this.#refreshing;
      return;
    }
    this.#refreshing = this.#loadUntilQuiet();
    try {
      await this.#refreshing;
    } finally {
      this.#refreshing = undefined;
    }
  }

  async #loadUntilQuiet(): Promise<void> {
    await this.#loadIfNewer();
    while (this.#takeAgain()) await this.#loadIfNewer();
  }

  #takeAgain(): boolean {
    const again = this.#again;
    this.#again = false;
    return again;
  }

  async #loadIfNewer(): Promise<void> {
    const loaded = await this.unitOfWork.read(async (tx) => {
      const version = await readConfigVersion(tx);
      if (version === this.#current?.version) return undefined;
      const values = new Map<SnapshotPart<unknown>, unknown>();
      const digests: string[] = [];
      for (const part of this.#parts) {
        const { value, rows } = await part.load(tx);
        values.set(part, value);
        digests.push(`${part.name}\n${JSON.stringify(rows)}`);
      }
      return new ConfigSnapshot(version, hash('sha256', digests.join('\n'), 'hex'), values);
    });
    if (loaded === undefined) return;
    this.#current = loaded;
    for (const listener of this.#listeners) listener(loaded);
  }

  #poll(): void {
    this.#stopPolling = this.clock.after(POLL_MS, () => {
      // A database that is away keeps the old snapshot: paid calls are refused by the ledger, not by this poll.
      void this.refresh()
        .then(() => this.channel.reconnect())
        .catch(() => undefined)
        .finally(() => {
          this.#poll();
        });
    });
  }
}
