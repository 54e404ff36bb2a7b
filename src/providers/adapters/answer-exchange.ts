import type { SseEvent } from '../../openai/index.js';
import type { Emission, Exchange, HeaderView, ReceivedBytes, WireRequest } from './adapter.js';
import { AnswerReader, type AnswerSink } from './answer-reader.js';
import { classifyBody, classifyStatus, failureOf, type FailureFacts, type PlainFailure } from './classify-failure.js';
import type { UpstreamFailure } from './failure.js';
import type { UsageAnomaly, UsageReport } from './usage.js';

/** What takes a body in pieces of any size and hands it on whole: {@link AnswerReader}, or a vendor's own framing. */
export interface BodyReader {
  readonly status: number;
  /** Seconds since 1970 by the vendor's clock; 1 when it does not say. */
  readonly answeredAt: number;
  accept(status: number, headers: HeaderView): void;
  push(bytes: Uint8Array): void;
  end(): void;
}

/** The half of an {@link Exchange} that all vendors share: reading, emitting, ending once, counting what was billed. A vendor's
 *  class says what its events and its whole body mean. */
export abstract class AnswerExchange implements Exchange, AnswerSink {
  abstract readonly request: WireRequest;
  abstract readonly received: ReceivedBytes;
  protected readonly reader: BodyReader;
  /** What the vendor says the call cost, decimal text in USD. */
  protected cost: string | null = null;
  readonly #anomalies: UsageAnomaly[] = [];
  #emissions: Emission[] = [];
  #isOver = false;
  #hasUsage = false;

  constructor(reader?: (sink: AnswerSink) => BodyReader) {
    this.reader = reader?.(this) ?? new AnswerReader(this);
  }

  abstract event(event: SseEvent, json: unknown): void;
  abstract body(json: unknown): void;
  abstract close(): void;

  get reportedCost(): string | null {
    return this.cost;
  }

  get anomalies(): readonly UsageAnomaly[] {
    return this.#anomalies;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get billed(): 'no' | 'maybe' | 'yes' {
    if (this.#hasUsage) return 'yes';
    return this.received.textBytes + this.received.reasoningBytes > 0 ? 'maybe' : 'no';
  }

  accept(status: number, headers: HeaderView): readonly Emission[] {
    this.reader.accept(status, headers);
    return this.#take();
  }

  push(bytes: Uint8Array): readonly Emission[] {
    this.reader.push(bytes);
    return this.#take();
  }

  end(): readonly Emission[] {
    this.reader.end();
    return this.#take();
  }

  classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyStatus(status, headers, body);
  }

  fail({ failure }: Emission & { kind: 'failure' }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#emissions.push({ kind: 'failure', failure });
  }

  protected emit(...emissions: readonly Emission[]): void {
    this.#emissions.push(...emissions);
  }

  /** Nothing follows. */
  protected done(): void {
    this.#isOver = true;
    this.#emissions.push({ kind: 'done' });
  }

  /** Ends the exchange with a failure of this class. */
  protected failAs(failureClass: PlainFailure, facts: Partial<FailureFacts> = {}): void {
    const failure = failureOf(failureClass, { status: this.reader.status, billed: this.billed, ...facts });
    this.fail({ kind: 'failure', failure });
  }

  /** `reason` continues "the provider's answer could not be read: …". */
  protected malformed(reason: string, billed = this.billed): void {
    this.failAs('malformed', { reason, billed });
  }

  /** An error inside a success. */
  protected failInBody(json: unknown): void {
    this.fail({ kind: 'failure', failure: classifyBody(json, this.reader.status, this.billed) });
  }

  protected flag(anomaly: UsageAnomaly): void {
    if (!this.#anomalies.includes(anomaly)) this.#anomalies.push(anomaly);
  }

  /** Emits what a report says; the last report counts. `billedTier`: as the vendor echoes it. */
  protected report(report: UsageReport | null, billedTier: string | null): void {
    if (report === null) return;
    if (report.anomaly !== null) this.flag(report.anomaly);
    if (report.usage === null) return;
    this.#hasUsage = true;
    this.#emissions.push({ kind: 'usage', usage: report.usage, billedTier });
  }

  #take(): readonly Emission[] {
    const emissions = this.#emissions;
    this.#emissions = [];
    return emissions;
  }
}
