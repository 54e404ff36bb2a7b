import type { UpstreamFailure } from './adapters/failure.js';
import type { AttemptAsk, AttemptGate, AttemptObserver, AttemptPermit } from './attempt-gate.js';
import type { AttemptLauncher, Launch } from './attempt-launcher.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';
import { MAX_ATTEMPTS, type CallInput } from './domain/call.js';
import type { Deployment } from './domain/deployment.js';
import type { Skipped } from './domain/last-resort.js';
import type { HedgeBudgets } from './hedge-budgets.js';
import type { RetryBudgets } from './retry-budgets.js';
import type { RunningAttempt } from './running-attempt.js';

/** What a call works with. */
export interface CallPorts {
  readonly gate: AttemptGate;
  readonly observer: AttemptObserver;
  readonly launcher: AttemptLauncher;
  readonly retries: RetryBudgets;
  readonly hedges: HedgeBudgets;
}

/** An attempt that runs, with the permit it was begun on. */
export interface Begun {
  readonly deployment: Deployment;
  readonly run: RunningAttempt;
  readonly permit: AttemptPermit;
}

/** How an attempt differs from the first one at its deployment. */
export interface BeginOptions {
  /** Tried before in this call. */
  readonly again?: boolean;
  readonly fresh?: boolean;
  readonly continuation?: Launch['continuation'];
}

/** The attempts of one call: none begins without a permit and a credential, and each ends exactly once. */
export class CallAttempts {
  /** In order of dispatch. */
  readonly records: AttemptRecord[] = [];
  readonly failures: UpstreamFailure[] = [];
  readonly skipped: Skipped[] = [];
  readonly #open = new Set<Begun>();

  constructor(
    private readonly input: CallInput,
    private readonly ports: CallPorts,
  ) {}

  /** Attempts that may still be made; repeats on a fresh connection do not count. */
  get left(): number {
    const stale = this.failures.filter((one) => one.class === 'stale_socket').length;
    return Math.min(this.input.maxAttempts, MAX_ATTEMPTS) - (this.records.length - stale);
  }

  /** Like {@link begin}, once the hold covers the attempt beside those that may have been billed. */
  async beginCovered(deployment: Deployment, options: BeginOptions = {}): Promise<Begun | null> {
    const covered = this.records.length === 0 || (this.input.covers?.(this.records, deployment) ?? true);
    // No wait where none is needed: a hard failure costs no turn of the event loop.
    if (covered === false || (covered !== true && !(await covered))) return this.#skip(deployment, 'budget');
    return this.begin(deployment, options);
  }

  /** Asks for a permit and dispatches, or notes why the candidate is passed over. */
  begin(deployment: Deployment, options: BeginOptions = {}): Begun | null {
    const { gate, launcher, retries } = this.ports;
    const nowMs = launcher.clock.nowMs();
    const credentialIds = launcher.credentialsFor(deployment);
    if (credentialIds.length === 0) return this.#skip(deployment, 'credential');
    const permit = gate.admit(deployment, this.#ask(credentialIds, nowMs));
    if (!permit.ok) return this.#skip(deployment, permit.reason, permit.retryAfterMs);
    if (options.again !== true) retries.request(deployment.id, nowMs);
    const { fresh = false, continuation } = options;
    const n = this.records.length + 1;
    const launch = { n, deployment, fresh, ...(continuation === undefined ? {} : { continuation }) };
    const begun = { deployment, run: this.#launch(launch, permit), permit };
    this.#open.add(begun);
    this.records.push(begun.run.record);
    return begun;
  }

  /** Seals an attempt, tells the observer and gives the permit back: each exactly once. */
  end(begun: Begun, outcome: AttemptOutcome, failure: UpstreamFailure | null): void {
    if (!this.#open.delete(begun)) return;
    const { run, permit } = begun;
    run.seal(outcome, failure);
    permit.release();
    if (failure !== null) this.failures.push(failure);
    this.ports.launcher.learn(run.record, failure?.retryAfterMs);
    this.ports.observer.observed(run.record.deployment, run.record, run.limits);
  }

  /** Closes the connections of all that run. */
  abandon(): void {
    for (const { run } of this.#open) run.abandon();
  }

  /** Ends all that run. */
  endAll(outcome: AttemptOutcome): void {
    for (const begun of [...this.#open]) this.end(begun, outcome, null);
  }

  #ask(credentialIds: readonly (string | null)[], atMs: number): AttemptAsk {
    const { operation, outputBound, load } = this.input;
    const outputTokens = operation === 'embeddings' ? 0 : outputBound;
    const isFailover = this.records.length > 0;
    const { inputTokens = 0, criticality = 'critical', claim = null } = load ?? {};
    return { atMs, credentialIds, inputTokens, outputTokens, criticality, isFailover, claim };
  }

  #launch(launch: Omit<Launch, 'credential'>, permit: AttemptPermit): RunningAttempt {
    const { launcher } = this.ports;
    try {
      const credential = launcher.openCredential(launch.deployment, permit.credentialId);
      return launcher.launch(this.input, { ...launch, credential });
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  #skip({ providerName, model }: Deployment, reason: Skipped['reason'], retryAfterMs?: number): null {
    this.skipped.push({ providerName, model, reason, retryAfterMs });
    return null;
  }
}
