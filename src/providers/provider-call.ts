import { jitter } from '../platform/ids/index.js';
import type { Emission } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import type { TokenUsage } from './adapters/usage.js';
import type { AttemptGate, AttemptObserver, AttemptPermit } from './attempt-gate.js';
import type { AttemptLauncher } from './attempt-launcher.js';
import type { AttemptRun } from './attempt-run.js';
import type { UsableCredential } from './credential-vault.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';
import { MAX_ATTEMPTS, MAX_CANDIDATES, type CallInput } from './domain/call.js';
import { CandidateCursor, type Move } from './domain/candidate-cursor.js';
import type { Deployment } from './domain/deployment.js';
import { lastResort, type Skipped } from './domain/last-resort.js';
import { refusedAnswer } from './domain/refused-answer.js';
import { CallerGoneError, TornStreamError } from './domain/torn-stream.error.js';
import type { RetryBudgets } from './retry-budgets.js';

/** With less than this left no attempt begins. */
const MIN_LEFT_MS = 50;

/** What a call works with. */
export interface CallPorts {
  readonly gate: AttemptGate;
  readonly observer: AttemptObserver;
  readonly launcher: AttemptLauncher;
  readonly retries: RetryBudgets;
}

interface Begun {
  readonly run: AttemptRun;
  readonly permit: AttemptPermit;
}

type Again = Extract<Move, { kind: 'again' }>;

/** What the committed attempt brought first. */
interface Commitment {
  readonly emissions: readonly Emission[];
  readonly last: boolean;
}

/** One request's way through its plan. Iterate it once: batches of emissions, all from the one attempt that committed; nothing
 *  comes before its first valid delta, and the iteration ends only after its `done`.
 *  @throws AppError all_providers_failed, upstream_timeout, deadline_exceeded, no_capacity, upstream_rejected,
 *  context_length_exceeded, unsupported_parameter — no attempt committed
 *  @throws TornStreamError — the committed attempt broke off
 *  @throws CallerGoneError — the signal was aborted; the socket is closed */
export class ProviderCall implements AsyncIterable<readonly Emission[]> {
  readonly #attempts: AttemptRecord[] = [];
  readonly #failures: UpstreamFailure[] = [];
  readonly #skipped: Skipped[] = [];
  readonly #cursor: CandidateCursor;
  #begun: Begun | null = null;
  #committed: AttemptRecord | null = null;
  #hasStarted = false;
  #stopWaiting: (() => void) | undefined;

  constructor(
    private readonly input: CallInput,
    private readonly ports: CallPorts,
    private readonly signal: AbortSignal,
  ) {
    requireOneWorld(input.plan);
    this.#cursor = new CandidateCursor(input.plan.slice(0, MAX_CANDIDATES));
  }

  /** In order of dispatch; live, each final once its `endedAtMs` is set, all of them when the iteration has ended. */
  get attempts(): readonly AttemptRecord[] {
    return this.#attempts;
  }

  /** Candidates that were passed over without an attempt. */
  get skipped(): readonly Skipped[] {
    return this.#skipped;
  }

  /** The attempt whose answer the caller sees. */
  get committed(): AttemptRecord | null {
    return this.#committed;
  }

  /** Deployment that serves. */
  get served(): Deployment | null {
    return this.#committed?.deployment ?? null;
  }

  /** What the serving provider reported; null until it did. */
  get usage(): TokenUsage | null {
    return this.#committed?.usage ?? null;
  }

  /** The model that really answered, as the provider names it. */
  get answeredModel(): string | null {
    return this.#committed?.answeredModel ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Emission[], void, void> {
    if (this.#hasStarted) throw new Error('A call runs once');
    this.#hasStarted = true;
    const abort = (): void => {
      this.#begun?.run.abandon();
      this.#stopWaiting?.();
    };
    this.signal.addEventListener('abort', abort, { once: true });
    try {
      const first = await this.#untilCommitted();
      yield first.emissions;
      if (first.last) return;
      for (;;) {
        const step = await this.#current().next();
        if (step.kind === 'failed') throw this.#torn(step.failure);
        if (step.last) this.#end('ok', null);
        yield step.emissions;
        if (step.last) return;
      }
    } finally {
      this.signal.removeEventListener('abort', abort);
      // Still open only when the consumer stopped in the middle.
      this.#begun?.run.abandon();
      this.#end('client_closed', null);
    }
  }

  #current(): AttemptRun {
    if (this.#begun === null) throw new Error('No attempt is open');
    return this.#begun.run;
  }

  /** The attempt loop: permit, dispatch, wait for the first valid delta or a failure, next. */
  async #untilCommitted(): Promise<Commitment> {
    let again: Again | null = null;
    for (;;) {
      this.#requireTime();
      const deployment = this.#cursor.current;
      if (deployment === null) throw this.#lost(false);
      const run = this.#begin(deployment, again);
      if (run === null) {
        again = null;
        this.#cursor.skip();
        continue;
      }
      const step = await run.next();
      if (step.kind === 'emissions') return this.#commit(run, step);
      if (this.#isGone()) throw this.#gone();
      this.#end(step.failure.outcome, step.failure);
      this.#failures.push(step.failure);
      if (step.failure.class === 'content_refused') return this.#refused(run.record);
      again = await this.#move(deployment, step.failure);
    }
  }

  #requireTime(): void {
    if (this.#isGone()) throw new CallerGoneError();
    if (this.#leftMs() < MIN_LEFT_MS) throw this.#lost(true);
  }

  #commit(run: AttemptRun, step: Commitment): Commitment {
    this.#committed = run.record;
    if (step.last) this.#end('ok', null);
    return step;
  }

  /** Goes where the failure leads; resolves after the wait before another try at the same deployment. */
  async #move(deployment: Deployment, failure: UpstreamFailure): Promise<Again | null> {
    const move = this.#afterFailure(deployment, failure);
    if (move.kind === 'stop') throw this.#lost(this.#leftMs() < MIN_LEFT_MS);
    if (move.kind === 'next') return null;
    if (move.waitMs > 0) await this.#wait(move.waitMs);
    return move;
  }

  /** Asks for a permit and dispatches, or notes why the candidate is passed over. */
  #begin(deployment: Deployment, again: Again | null): AttemptRun | null {
    const { gate, launcher, retries } = this.ports;
    const nowMs = launcher.clock.nowMs();
    const credential = launcher.credentialFor(deployment);
    if (credential === undefined) return this.#skip(deployment, 'credential');
    const permit = gate.admit(deployment, nowMs);
    if (!permit.ok) return this.#skip(deployment, permit.reason, permit.retryAfterMs);
    if (again === null) retries.request(deployment.id, nowMs);
    const run = this.#launch(deployment, credential, again?.fresh ?? false, permit);
    this.#begun = { run, permit };
    this.#attempts.push(run.record);
    return run;
  }

  #launch(
    deployment: Deployment,
    credential: UsableCredential | null,
    fresh: boolean,
    permit: AttemptPermit,
  ): AttemptRun {
    try {
      return this.ports.launcher.launch(this.input, { n: this.#attempts.length + 1, deployment, credential, fresh });
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  #skip(deployment: Deployment, reason: Skipped['reason'], retryAfterMs?: number): null {
    const { providerName, model } = deployment;
    this.#skipped.push({ providerName, model, reason, retryAfterMs });
    return null;
  }

  #afterFailure(deployment: Deployment, failure: UpstreamFailure): Move {
    const { launcher, retries } = this.ports;
    const stale = this.#failures.filter((one) => one.class === 'stale_socket').length;
    const allowed = Math.min(this.input.maxAttempts, MAX_ATTEMPTS);
    const refusedCredential = failure.class === 'credential' || failure.class === 'quota_exhausted';
    return this.#cursor.failed(failure, {
      otherCredential: refusedCredential && deployment.credentialIds.length > 1 && hasCredential(launcher, deployment),
      attemptsLeft: allowed - (this.#attempts.length - stale),
      leftMs: this.#leftMs(),
      random: jitter(),
      takeRetry: () => retries.take(deployment.id, launcher.clock.nowMs()),
    });
  }

  /** Seals the open attempt, tells the observer and gives the permit back: each exactly once. */
  #end(outcome: AttemptOutcome, failure: UpstreamFailure | null): void {
    const begun = this.#begun;
    if (begun === null) return;
    this.#begun = null;
    const { run, permit } = begun;
    run.seal(outcome, failure);
    permit.release();
    this.ports.launcher.learn(run.record, failure?.retryAfterMs);
    this.ports.observer.observed(run.record.deployment, run.record, run.limits);
  }

  /** A provider that refuses by status what others refuse inside an answer: the caller sees the same answer from both. */
  #refused(record: AttemptRecord): Commitment {
    this.#committed = record;
    return { emissions: refusedAnswer(this.input.requestId, record), last: true };
  }

  #torn(failure: UpstreamFailure): Error {
    if (this.#isGone()) return this.#gone();
    const { record } = this.#current();
    this.#end(failure.outcome, failure);
    return new TornStreamError(failure, record);
  }

  #isGone(): boolean {
    return this.signal.aborted;
  }

  #gone(): CallerGoneError {
    this.#end('client_closed', null);
    return new CallerGoneError();
  }

  #lost(outOfTime: boolean): Error {
    return lastResort({ attempts: this.#attempts, failures: this.#failures, skipped: this.#skipped, outOfTime });
  }

  #leftMs(): number {
    return this.input.deadlineAtMs - this.ports.launcher.clock.nowMs();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.ports.launcher.clock.after(ms, resolve);
      this.#stopWaiting = () => {
        cancel();
        resolve();
      };
    });
  }
}

function hasCredential(launcher: AttemptLauncher, deployment: Deployment): boolean {
  return launcher.credentialFor(deployment) !== undefined;
}

/** @throws Error — simulated and real partners stand in one plan, which planning must never do */
function requireOneWorld(plan: readonly Deployment[]): void {
  if (plan.length === 0) throw new Error('A plan names at least one deployment');
  if (plan.some(({ simulated }) => simulated !== plan[0]?.simulated)) {
    throw new Error('Simulated and real providers may not stand in one plan');
  }
}
