import { type BilledTokens } from './bill.js';
import { type ChatPrompt, type SimulatedAnswer } from './completion.js';
import { type JsonObject } from './json-object.js';
import { type LimitState } from './minute-limits.js';
import { type SimulatedModel } from './partners.js';

/** Most answers of one request. */
export const MAX_CHOICES = 8;

/** A refusal before its dialect: what is wrong, and what to tell the client about waiting. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly reason: RefusalReason,
    message: string,
    readonly options: { readonly param?: string; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message);
  }
}

/** Why a partner refuses; each dialect has its own word for it. */
export type RefusalReason =
  'authentication' | 'not_found' | 'invalid' | 'context' | 'too_large' | 'rate_limited' | 'overloaded' | 'server';

/** One event of a stream as it goes over the wire. */
export interface Frame {
  readonly text: string;
  /** `start` before the first token, `delta` with tokens, `end` after the last. */
  readonly stage: 'start' | 'delta' | 'end';
  /** Generated tokens this event delivers. */
  readonly tokens: number;
}

/** What rendering an answer needs beside the answer. */
export interface Rendering {
  readonly id: string;
  readonly model: string;
  readonly createdSeconds: number;
  /** The counts to report; null: the usage is left out, as a faulty partner would. */
  readonly usage: BilledTokens | null;
  readonly includeUsage: boolean;
}

/** How one vendor's wire format looks. Pure: no socket and no clock. */
export interface Dialect {
  /** Reads a chat request. Attacker-controlled: every member is checked, unknown ones are ignored.
   *  @throws Refusal — a member is missing or wrong */
  parseChat(body: JsonObject, model: SimulatedModel): ChatPrompt;
  /** The `include_usage` wish of a request; true where the vendor always reports. */
  wantsUsage(body: JsonObject): boolean;
  collected(answer: SimulatedAnswer, rendering: Rendering): unknown;
  /** The events of a stream, in order. */
  frames(answer: SimulatedAnswer, rendering: Rendering): readonly Frame[];
  /** A new id for an answer, in the vendor's form. */
  answerId(): string;
  error(refusal: Refusal, requestId: string): unknown;
  /** The event that reports an error inside a stream. */
  errorFrame(refusal: Refusal, requestId: string): string;
  /** An event with `text` as content of the first answer. */
  contentFrame(text: string, rendering: Rendering): string;
  models(models: readonly SimulatedModel[]): unknown;
  limitHeaders(state: LimitState, nowMs: number): Record<string, string>;
}
