import type { Emission, LimitObservation } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import { closeRecord, openRecord, type AttemptStart, type OpenRecord } from './attempt-record.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';
import { ChoiceStream } from './domain/choice-stream.js';
import { addReceived, mergeParts } from './domain/merge-parts.js';
import type { AttemptStep, RunningAttempt } from './running-attempt.js';

interface PartStep {
  readonly index: number;
  readonly step: AttemptStep;
}

/** Several requests that are one attempt: one per choice, for vendors that give one answer per request. Nothing is shown before
 *  every part has its first valid delta, so a part that fails before it fails the attempt as if nothing had happened; later
 *  parts wait with their sockets paused. */
export class FanOutRun implements RunningAttempt {
  readonly record: AttemptRecord;
  readonly #record: OpenRecord;
  readonly #parts: readonly RunningAttempt[];
  readonly #pending = new Map<number, Promise<PartStep>>();
  readonly #choices = new ChoiceStream();
  #hasBegun = false;
  #failedPart: RunningAttempt | undefined;

  /** `parts`: one per choice, in order. */
  constructor(start: AttemptStart, parts: readonly RunningAttempt[]) {
    this.#parts = parts;
    const records = parts.map(({ record }) => record);
    this.#record = openRecord(start, {
      received: liveSum(records),
      request: { method: 'POST', path: '/', headers: {}, body: null },
    });
    this.#record.sentBytes = records.reduce((total, { sentBytes }) => total + sentBytes, 0);
    this.record = this.#record;
  }

  get limits(): readonly LimitObservation[] {
    return this.#parts.flatMap(({ limits }) => limits);
  }

  async next(): Promise<AttemptStep> {
    if (!this.#hasBegun) return this.#begin();
    for (;;) {
      const { index, step } = await Promise.race(this.#pending.values());
      this.#pending.delete(index);
      if (step.kind === 'failed') return this.#fail(index, step.failure);
      const emissions = this.#choices.place(step.emissions, index);
      this.#goOn(index, step.last);
      const last = this.#pending.size === 0;
      if (emissions.length > 0 || last) return { kind: 'emissions', emissions: this.#closed(emissions, last), last };
    }
  }

  abandon(): void {
    for (const part of this.#parts) part.abandon();
  }

  serve(): void {
    this.#record.committed = true;
  }

  seal(outcome: AttemptOutcome, failure: UpstreamFailure | null): void {
    const record = this.#record;
    if (record.endedAtMs !== null) return;
    for (const part of this.#parts) {
      // The others are cut off: what they used counts all the same.
      if (part !== this.#failedPart && part.record.endedAtMs === null) part.abandon();
      part.seal(outcome, part === this.#failedPart ? failure : null);
    }
    const records = this.#parts.map((part) => part.record);
    const durationMs = Math.max(...records.map((part) => part.durationMs));
    record.status = (this.#failedPart ?? this.#parts[0])?.record.status ?? null;
    closeRecord(record, durationMs, { outcome, failure, blameless: this.#failedPart?.record.blameless ?? false });
    Object.assign(record, mergeParts(records));
  }

  /** Waits until every part has something to show, or one has failed. */
  async #begin(): Promise<AttemptStep> {
    this.#hasBegun = true;
    for (const index of this.#parts.keys()) this.#await(index);
    const first: { readonly index: number; readonly step: Exclude<AttemptStep, { kind: 'failed' }> }[] = [];
    while (this.#pending.size > 0) {
      const { index, step } = await Promise.race(this.#pending.values());
      this.#pending.delete(index);
      if (step.kind === 'failed') return this.#fail(index, step.failure);
      first.push({ index, step });
    }
    first.sort((one, other) => one.index - other.index);
    const emissions = first.flatMap(({ index, step }) => this.#choices.place(step.emissions, index));
    for (const { index, step } of first) this.#goOn(index, step.last);
    const last = this.#pending.size === 0;
    return { kind: 'emissions', emissions: this.#closed(emissions, last), last };
  }

  #await(index: number): void {
    const part = this.#parts[index];
    if (part === undefined) throw new Error(`There is no part ${String(index)}`);
    this.#pending.set(
      index,
      part.next().then((step) => ({ index, step })),
    );
  }

  /** A part that is complete gives its connection back at once, however long the others take. */
  #goOn(index: number, isLast: boolean): void {
    if (isLast) this.#parts[index]?.seal('ok', null);
    else this.#await(index);
  }

  #fail(index: number, failure: UpstreamFailure): AttemptStep {
    this.#failedPart = this.#parts[index];
    return { kind: 'failed', failure };
  }

  /** The parts' ends and reports become one. */
  #closed(emissions: readonly Emission[], last: boolean): readonly Emission[] {
    if (!last) return emissions;
    const { usage, billedTier } = mergeParts(this.#parts.map(({ record }) => record));
    return [
      ...emissions,
      ...(usage === null ? [] : [{ kind: 'usage', usage, billedTier } as const]),
      { kind: 'done' } as const,
    ];
  }
}

function liveSum(records: readonly AttemptRecord[]): AttemptRecord['received'] {
  const sum = (): AttemptRecord['received'] => addReceived(records.map(({ received }) => received));
  return {
    get textBytes() {
      return sum().textBytes;
    },
    get reasoningBytes() {
      return sum().reasoningBytes;
    },
  };
}
