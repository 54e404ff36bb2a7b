import { Agent, request } from 'undici';

import { SystemClock } from '../../../src/platform/clock/index.js';
import { parseFault } from '../../../src/providers/simulation/faults.js';
import { type BillLine } from '../../../src/providers/simulation/bill.js';
import { type SimulatedPartnerName } from '../../../src/providers/simulation/partners.js';
import {
  SimulatedPartners,
  type SimulationAddresses,
  type SimulationOptions,
} from '../../../src/providers/simulation/simulated-partners.js';

export const CREDENTIAL = 'test-credential';
export const MESSAGES = [{ role: 'user', content: 'Which statements mention the blue van?' }];

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined after a clean end. */
  readonly broken: unknown;
}

export interface UsageWire {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly output_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
}

/** The members of both dialects that the tests look at, in answers and in events. */
export interface Wire {
  readonly type: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string };
    readonly message: { readonly content: string };
    readonly finish_reason: string | null;
  }[];
  readonly content: readonly { readonly type: string; readonly text?: string; readonly thinking?: string }[];
  readonly usage: UsageWire;
  readonly message?: { readonly usage?: UsageWire };
  readonly delta?: { readonly text?: string; readonly thinking?: string; readonly partial_json?: string };
  readonly stop_reason: string;
  readonly data: readonly { readonly id: string; readonly embedding: unknown }[];
  readonly error: { readonly code: string | null; readonly message: string };
}

/** An event: its usage may be missing or null. */
export type EventWire = Omit<Wire, 'usage'> & { readonly usage?: UsageWire | null };

export function read(text: string): Wire {
  return JSON.parse(text) as Wire;
}

/** The JSON of every `data:` line but `[DONE]`. */
export function events(text: string): EventWire[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => read(line.slice(6)));
}

/** Running partners and a client for them. */
export class SimulationClient {
  readonly clock = new SystemClock();
  readonly #agent = new Agent();
  #running: { partners: SimulatedPartners; addresses: SimulationAddresses } | null = null;

  get partners(): SimulatedPartners {
    if (this.#running === null) throw new Error('Not started');
    return this.#running.partners;
  }

  get lastLine(): BillLine {
    const line = this.partners.bill().at(-1);
    if (line === undefined) throw new Error('The bill is empty');
    return line;
  }

  /** Starts partners, in place of the running ones. */
  async start(change: Partial<SimulationOptions> = {}): Promise<void> {
    await this.#running?.partners.stop();
    const partners = new SimulatedPartners({
      seed: 7,
      clock: this.clock,
      delays: false,
      credential: CREDENTIAL,
      timings: { slowHeadersMs: 150, dripMs: 1, stallMs: 10_000 },
      ...change,
    });
    this.#running = { partners, addresses: await partners.start() };
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    await this.#running?.partners.stop();
  }

  /** Waits until a hang-up has reached the other side. */
  settled(): Promise<unknown> {
    return new Promise((resolve) => setTimeout(resolve, 40));
  }

  strike(
    text: string,
    change: { readonly partner?: SimulatedPartnerName; readonly ratio?: number; readonly forMs?: number } = {},
  ): void {
    this.partners.faults.set({
      partner: change.partner ?? 'sim-economy',
      fault: parseFault(text),
      ratio: change.ratio ?? 1,
      untilMs: this.clock.nowMs() + (change.forMs ?? 60_000),
    });
  }

  async call(
    partner: SimulatedPartnerName,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Reply> {
    const addresses = this.#running?.addresses;
    const origin = path.startsWith('/__') ? addresses?.origins[partner] : addresses?.baseUrls[partner];
    const { statusCode, headers, body } = await request(`${origin ?? ''}${path}`, {
      dispatcher: this.#agent,
      method: options.body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${CREDENTIAL}`, 'content-type': 'application/json', ...options.headers },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: options.signal ?? AbortSignal.timeout(5_000),
    });
    let text = '';
    let broken: unknown;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) text += chunk.toString();
    } catch (error) {
      broken = error;
    }
    return { status: statusCode, headers, text, broken };
  }

  chat(body: object = {}, headers: Record<string, string> = {}): Promise<Reply> {
    const request = { model: 'sim-small', messages: MESSAGES, ...body };
    return this.call('sim-economy', '/chat/completions', { body: request, headers });
  }

  messages(body: object = {}): Promise<Reply> {
    return this.call('sim-premium', '/v1/messages', {
      body: { model: 'sim-large', max_tokens: 1_024, messages: MESSAGES, ...body },
      headers: { 'x-api-key': CREDENTIAL, authorization: '', 'anthropic-version': '2023-06-01' },
    });
  }
}
