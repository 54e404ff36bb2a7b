import type { Exchange } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';
import type { Deployment } from './domain/deployment.js';

/** The record of an attempt while it is being written. */
export type OpenRecord = { -readonly [Member in keyof AttemptRecord]: AttemptRecord[Member] };

/** What is known of an attempt before anything came back. */
export interface AttemptStart {
  /** 1, 2, … in order of dispatch. */
  readonly n: number;
  readonly deployment: Deployment;
  readonly credentialId: string | null;
  /** Wall clock. */
  readonly startedAtMs: number;
  readonly continues: number | null;
}

/** The record of an attempt at its dispatch. */
export function openRecord(start: AttemptStart, exchange: Pick<Exchange, 'received' | 'request'>): OpenRecord {
  return {
    ...start,
    endedAtMs: null,
    ttftMs: null,
    durationMs: 0,
    outcome: 'unknown',
    failureClass: null,
    status: null,
    vendorCode: null,
    publicMessage: null,
    retryAfterMs: null,
    blameless: false,
    committed: false,
    billed: 'maybe',
    usage: null,
    usageSource: 'none',
    answeredModel: null,
    billedTier: null,
    received: exchange.received,
    sentBytes: exchange.request.body?.length ?? 0,
    inputTimes: 1,
    unreported: null,
  };
}

/** Writes how an attempt ended. `failure`: null for success, hang-ups and lost hedges. */
export function closeRecord(
  record: OpenRecord,
  durationMs: number,
  end: { readonly outcome: AttemptOutcome; readonly failure: UpstreamFailure | null; readonly blameless: boolean },
): void {
  record.durationMs = durationMs;
  record.endedAtMs = record.startedAtMs + durationMs;
  record.outcome = end.outcome;
  const { failure } = end;
  if (failure === null) return;
  record.failureClass = failure.class;
  record.vendorCode = failure.vendorCode;
  record.publicMessage = failure.publicMessage;
  record.retryAfterMs = failure.retryAfterMs ?? null;
  record.blameless = end.blameless;
  record.status = failure.status ?? record.status;
}
