import type { Clock } from '../platform/clock/index.js';
import type { Adapter, ChunkProgress, Emission, Exchange, LimitObservation } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import { closeRecord, openRecord, type AttemptStart, type OpenRecord } from './attempt-record.js';
import { CredentialUnusable } from './credential-unusable.error.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';
import { AttemptTimers, type TimerName } from './domain/attempt-timers.js';
import type { DeploymentTimers } from './domain/deployment.js';
import { HoldBack, type CommitOn } from './domain/hold-back.js';
import {
  connectFailure,
  credentialFailure,
  malformed,
  staleSocket,
  timedOut,
  torn,
} from './domain/transport-failure.js';
import { usageSourceOf } from './domain/usage-source.js';
import type { Flight } from './flight.js';
import { wasKeptAlive } from './guarded-connector.js';
import type { AttemptStep, RunningAttempt } from './running-attempt.js';
import type { Secret } from '../platform/secrets/index.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** How long the body of an error is awaited after its status: what it would add is not worth the caller's time. */
const ERROR_BODY_MS = 1_000;
/** Bytes handed on at once: one batch per read of the socket, more when several waited. */
const MAX_BATCH_BYTES = 64 * 1024;
/** How long the end of an answer may be awaited after its last event. */
const TRAILING_MS = 1_000;

/** Everything one attempt is made of. */
export interface AttemptParts extends AttemptStart {
  readonly adapter: Adapter;
  readonly exchange: Exchange;
  readonly flight: Flight;
  /** What it is called with. */
  readonly secret: Secret | null;
  readonly clock: Clock;
  /** Left of the caller's deadline. */
  readonly deadlineMs: number;
  readonly timers: DeploymentTimers;
  /** Milliseconds to the first delta that the deployment usually stays under. */
  readonly usualTtftMs: number;
  readonly commitOn: CommitOn;
}

/** One request on one connection. */
export class AttemptRun implements RunningAttempt {
  readonly record: AttemptRecord;
  readonly #record: OpenRecord;
  readonly #parts: AttemptParts;
  readonly #flight: Flight;
  readonly #timers: AttemptTimers;
  readonly #startMs: number;
  #limits: readonly LimitObservation[] = [];
  #opened = false;
  #errorBody: Buffer[] | undefined;
  #errorDueMs = Infinity;
  #bodyBytes = 0;
  #measuredBytes = 0;
  readonly #held: HoldBack;
  #isCommitted = false;
  #isDone = false;
  #isAbandoned = false;
  #failure: UpstreamFailure | undefined;
  #expired: TimerName | undefined;
  #armedMs = Infinity;
  #disarm: (() => void) | undefined;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#flight = parts.flight;
    this.#startMs = parts.clock.monotonicMs();
    this.#timers = new AttemptTimers(parts.timers, this.#startMs, parts.deadlineMs);
    this.#held = new HoldBack(parts.commitOn);
    const { n, deployment, credentialId, startedAtMs, continues } = parts;
    this.#record = openRecord({ n, deployment, credentialId, startedAtMs, continues }, parts.exchange);
    this.record = this.#record;
  }

  get limits(): readonly LimitObservation[] {
    return this.#limits;
  }

  async next(): Promise<AttemptStep> {
    for (;;) {
      const step = this.#advance();
      if (step !== null) return step;
      this.#arm();
      await this.#flight.change();
    }
  }

  abandon(): void {
    if (this.#record.endedAtMs !== null) return;
    this.#isAbandoned = true;
    this.#flight.destroy();
    this.#flight.nudge();
  }

  serve(): void {
    this.#record.committed = true;
  }

  seal(outcome: AttemptOutcome, failure: UpstreamFailure | null): void {
    const record = this.#record;
    if (record.endedAtMs !== null) return;
    this.#disarm?.();
    this.#giveConnectionBack();
    const durationMs = Math.round(this.#parts.clock.monotonicMs() - this.#startMs);
    closeRecord(record, durationMs, { outcome, failure, blameless: this.#isBlameless() });
    record.billed = this.#billed(failure);
    record.usageSource = usageSourceOf({
      reported: record.usage !== null,
      sent: this.#flight.sent,
      billed: record.billed,
      receivedBytes: this.#receivedBytes(),
    });
  }

  /** A complete answer leaves a connection that can be used again, once its last bytes have come; everything else is closed. */
  #giveConnectionBack(): void {
    const flight = this.#flight;
    if (!this.#isDone) {
      flight.destroy();
      return;
    }
    flight.finish();
    if (flight.ended) return;
    this.#parts.clock.after(TRAILING_MS, () => {
      if (!flight.ended) flight.destroy();
    });
  }

  /** Bytes of generated text so far. */
  #receivedBytes(): number {
    const { textBytes, reasoningBytes } = this.#parts.exchange.received;
    return textBytes + reasoningBytes;
  }

  /** The caller's deadline came before the provider usually begins, or in the middle of an answer that made progress. */
  #isBlameless(): boolean {
    if (this.#expired !== 'deadline') return false;
    return this.#record.ttftMs !== null || this.#parts.deadlineMs < this.#parts.usualTtftMs;
  }

  #billed(failure: UpstreamFailure | null): AttemptRecord['billed'] {
    const { usage } = this.#record;
    if (usage !== null) return 'yes';
    if (!this.#flight.sent) return 'no';
    if (this.#receivedBytes() > 0) return failure === null ? 'yes' : 'maybe';
    return failure?.billed ?? (this.#isAbandoned ? 'maybe' : 'yes');
  }

  #advance(): AttemptStep | null {
    if (this.#isAbandoned) return { kind: 'failed', failure: torn(this.#flight) };
    if (this.#failure !== undefined) return { kind: 'failed', failure: this.#failure };
    if (this.#flight.sent) this.#timers.connected();
    if (this.#flight.status !== 0 && !this.#opened) {
      const failure = this.#open();
      if (failure !== null) return { kind: 'failed', failure };
    }
    return this.#errorBody === undefined ? this.#advanceAnswer() : this.#advanceError(this.#errorBody);
  }

  /** Looks at status and headers once. */
  #open(): UpstreamFailure | null {
    this.#opened = true;
    const { status, headers } = this.#flight;
    this.#record.status = status;
    if (status >= 300 && status < 400) return malformed('it answered with a redirect', status, 'no');
    if (status >= 400) {
      this.#errorBody = [];
      this.#errorDueMs = this.#parts.clock.monotonicMs() + ERROR_BODY_MS;
      return null;
    }
    this.#limits = this.#observeLimits(undefined);
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') return malformed('it compressed its answer unasked', status);
    this.#absorb(this.#parts.exchange.accept(status, headers), 0, []);
    return this.#failure ?? null;
  }

  #advanceAnswer(): AttemptStep | null {
    const out: Emission[] = [];
    let batchBytes = 0;
    while (batchBytes < MAX_BATCH_BYTES && this.#failure === undefined && !this.#isDone) {
      const bytes = this.#flight.take();
      if (bytes === undefined) break;
      batchBytes += bytes.length;
      this.#bodyBytes += bytes.length;
      this.#timers.heard(this.#parts.clock.monotonicMs());
      this.#absorb(this.#parts.exchange.push(bytes), bytes.length, out);
    }
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#failure ??= malformed('its answer is too large', this.#flight.status);
    if (!this.#isDone && this.#failure === undefined && !this.#flight.hasBytes) {
      this.#failure = this.#advanceEnd(out) ?? undefined;
    }
    return this.#stepOf(out);
  }

  /** Nothing waits to be read: the end of the response, a broken connection or a timer. */
  #advanceEnd(out: Emission[]): UpstreamFailure | null {
    const flight = this.#flight;
    if (flight.error !== undefined) return this.#broken(flight.error);
    if (flight.ended) {
      this.#absorb(this.#parts.exchange.end(), 0, out);
      return this.#isDone ? null : (this.#failure ?? torn(flight));
    }
    const expired = this.#timers.expired(this.#parts.clock.monotonicMs());
    if (expired === null) return null;
    this.#expired = expired;
    return timedOut(expired, flight);
  }

  #stepOf(out: readonly Emission[]): AttemptStep | null {
    const failed: AttemptStep | null = this.#failure === undefined ? null : { kind: 'failed', failure: this.#failure };
    // While nobody has seen anything a known failure comes first, else what arrived before it.
    if (!this.#isCommitted && (failed !== null || !this.#held.isReady)) return failed;
    const emissions = this.#isCommitted ? out : this.#commit();
    if (this.#isDone) return { kind: 'emissions', emissions, last: true };
    return emissions.length > 0 ? { kind: 'emissions', emissions, last: false } : failed;
  }

  /** What was held back; from now on a failure is visible. */
  #commit(): readonly Emission[] {
    this.#isCommitted = true;
    return this.#held.release();
  }

  /** Takes note of emissions in order; nothing after a failure or the end counts. Until the first valid delta they are held. */
  #absorb(emissions: readonly Emission[], bytes: number, out: Emission[]): void {
    for (const emission of emissions) {
      if (emission.kind === 'failure') {
        this.#failure = this.#discreet(emission.failure);
        break;
      }
      const progress = this.#note(emission);
      if (this.#isCommitted) out.push(emission);
      else this.#held.add(emission, progress);
      if (emission.kind === 'done') {
        this.#isDone = true;
        break;
      }
    }
    if (this.#isCommitted || this.#failure !== undefined || this.#held.makesSense(bytes)) return;
    this.#failure = malformed('it sent much and said nothing', this.#flight.status);
  }

  /** Writes into the record what an emission says, and tells how far it brings the answer. */
  #note(emission: Exclude<Emission, { kind: 'failure' }>): ChunkProgress {
    const record = this.#record;
    switch (emission.kind) {
      case 'chunk':
        if (emission.progress !== 'none') this.#progress();
        return emission.progress;
      case 'usage':
        record.usage = emission.usage;
        record.billedTier = emission.billedTier ?? record.billedTier;
        return 'none';
      case 'answered':
        record.answeredModel = emission.model;
        return 'none';
      case 'finish':
      case 'embedding':
        this.#progress();
        return 'content';
      case 'done':
        return 'none';
    }
  }

  #progress(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#record.ttftMs ??= Math.round(nowMs - this.#startMs);
    const bytes = this.#receivedBytes();
    this.#timers.progressed(nowMs, bytes - this.#measuredBytes);
    this.#measuredBytes = bytes;
  }

  #advanceError(body: Buffer[]): AttemptStep | null {
    for (let bytes = this.#flight.take(); bytes !== undefined; bytes = this.#flight.take()) {
      if (this.#bodyBytes < MAX_ERROR_BYTES) body.push(bytes);
      this.#bodyBytes += bytes.length;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    const isDue = nowMs >= this.#errorDueMs || this.#timers.expired(nowMs) !== null;
    const { ended, error, status, headers } = this.#flight;
    if (!ended && error === undefined && !isDue && this.#bodyBytes < MAX_ERROR_BYTES) return null;
    const bytes = Buffer.concat(body).subarray(0, MAX_ERROR_BYTES);
    this.#limits = this.#observeLimits(jsonOf(bytes));
    return { kind: 'failed', failure: this.#discreet(this.#parts.exchange.classify(status, headers, bytes)) };
  }

  /** What the provider says of its failure, without the credential it was called with. */
  #discreet(failure: UpstreamFailure): UpstreamFailure {
    const { secret } = this.#parts;
    if (secret === null) return failure;
    const { vendorCode, publicMessage } = failure;
    return {
      ...failure,
      vendorCode: vendorCode === null ? null : secret.hideIn(vendorCode),
      publicMessage: secret.hideIn(publicMessage),
    };
  }

  #observeLimits(body: unknown): readonly LimitObservation[] {
    const { status, headers } = this.#flight;
    return this.#parts.adapter.limits(status, headers, body, this.#parts.clock.nowMs());
  }

  #broken(error: Error): UpstreamFailure {
    if (error instanceof CredentialUnusable) return credentialFailure(error.code);
    if (this.#flight.status !== 0) return torn(this.#flight);
    if (this.#flight.sent && wasKeptAlive(error, this.#startMs)) return staleSocket();
    if ((error as { code?: unknown }).code === 'HPE_INVALID_CONSTANT' || error.name === 'HTTPParserError') {
      return malformed('it does not speak HTTP', null, 'no');
    }
    const code = (error as { code?: unknown }).code;
    return connectFailure(typeof code === 'string' ? code : null);
  }

  /** One timer per attempt: progress only moves the limit forward, so the armed timer finds that out when it fires. */
  #arm(): void {
    const dueMs = Math.min(this.#timers.dueAtMs, this.#errorDueMs);
    if (this.#armedMs <= dueMs) return;
    this.#disarm?.();
    this.#armedMs = dueMs;
    this.#disarm = this.#parts.clock.after(Math.max(0, dueMs - this.#parts.clock.monotonicMs()), () => {
      this.#armedMs = Infinity;
      // A loop that was busy runs timers before it reads sockets: what arrived meanwhile is read first, or our own delay
      // would be taken for the provider's.
      setImmediate(() => {
        this.#flight.nudge();
      });
    });
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
