import { jitter } from '../platform/ids/index.js';
import type { Emission } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import type { TokenUsage } from './adapters/usage.js';
import { AttemptRace, type FirstDelta, type RaceEnd } from './attempt-race.js';
import { CallAttempts, type BeginOptions, type Begun, type CallPorts } from './call-attempts.js';
import type { AttemptRecord } from './domain/attempt.js';
import { MAX_CANDIDATES, PLAIN_RULES, type CallInput, type CallRules } from './domain/call.js';
import { CandidateCursor, type Move } from './domain/candidate-cursor.js';
import { canCarryOn, continuedRequest, mayContinue, PartialAnswer, Seam } from './domain/continuation.js';
import type { Deployment } from './domain/deployment.js';
import { lastResort, type Skipped } from './domain/last-resort.js';
import { isRefusal, refusedAnswer } from './domain/refused-answer.js';
import { CallerGoneError, TornStreamError } from './domain/torn-stream.error.js';
import { HedgePlan } from './hedge-plan.js';

/** With less than this left no attempt begins. */
const MIN_LEFT_MS = 50;

/** What the caller sees first, and the attempt that goes on with it; `begun` is null when nothing follows. */
interface Commitment {
  readonly begun: Begun | null;
  readonly emissions: readonly Emission[];
}

/** One request's way through its plan. Iterate it once: batches of emissions, all from the attempt that committed (or, where the
 *  rules allow it, from a second one that carries on where the first was cut); nothing comes before the first valid delta, and the
 *  iteration ends only after `done`.
 *  @throws AppError all_providers_failed, upstream_timeout, deadline_exceeded, no_capacity, upstream_rejected,
 *  context_length_exceeded, unsupported_parameter — no attempt committed
 *  @throws TornStreamError — the committed attempt broke off
 *  @throws CallerGoneError — the signal was aborted; the socket is closed */
export class ProviderCall implements AsyncIterable<readonly Emission[]> {
  readonly #attempts: CallAttempts;
  readonly #cursor: CandidateCursor;
  readonly #rules: CallRules;
  readonly #hedges: HedgePlan;
  /** Null where a cut answer is never carried on. */
  readonly #partial: PartialAnswer | null;
  #refusal: Commitment | undefined;
  #committed: AttemptRecord | null = null;
  #hasStarted = false;
  #stopWaiting: (() => void) | undefined;

  constructor(
    private readonly input: CallInput,
    private readonly ports: CallPorts,
    private readonly signal: AbortSignal,
  ) {
    requireOneWorld(input.plan);
    this.#rules = input.rules ?? PLAIN_RULES;
    this.#cursor = new CandidateCursor(input.plan.slice(0, MAX_CANDIDATES));
    this.#attempts = new CallAttempts(input, ports);
    this.#hedges = new HedgePlan(input, ports);
    this.#partial = mayContinue(input) ? new PartialAnswer() : null;
  }

  /** In order of dispatch; live, each final once its `endedAtMs` is set, all of them when the iteration has ended. */
  get attempts(): readonly AttemptRecord[] {
    return this.#attempts.records;
  }

  /** Candidates that were passed over without an attempt. */
  get skipped(): readonly Skipped[] {
    return this.#attempts.skipped;
  }

  /** The attempt whose answer the caller sees; the later one, when it was carried on. */
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
      this.#attempts.abandon();
      this.#stopWaiting?.();
    };
    this.signal.addEventListener('abort', abort, { once: true });
    try {
      yield* this.#answer(await this.#untilCommitted());
    } finally {
      this.signal.removeEventListener('abort', abort);
      // Still open only when the consumer stopped in the middle.
      this.#attempts.abandon();
      this.#attempts.endAll('client_closed');
    }
  }

  /** Hands on a committed answer to its end, carried on once where the rules allow it. */
  async *#answer(first: Commitment): AsyncGenerator<readonly Emission[], void, void> {
    let { begun } = first;
    let seam: Seam | undefined;
    this.#partial?.add(first.emissions);
    yield first.emissions;
    while (begun !== null) {
      const step = await begun.run.next();
      if (step.kind === 'emissions') {
        const { last } = step;
        const emissions = seam?.join(step.emissions) ?? step.emissions;
        if (last) this.#attempts.end(begun, 'ok', null);
        else this.#partial?.add(emissions);
        yield emissions;
        if (last) return;
        continue;
      }
      if (this.#isGone()) throw this.#gone();
      const broken = begun.run.record;
      this.#attempts.end(begun, step.failure.outcome, step.failure);
      const carried = seam === undefined ? await this.#carryOn(broken) : null;
      if (carried === null) throw new TornStreamError(step.failure, broken);
      seam = carried.seam;
      begun = carried.begun;
      yield carried.emissions;
    }
  }

  /** The attempt loop: permit, dispatch, wait for the first valid delta or a failure, next. */
  async #untilCommitted(): Promise<Commitment> {
    let options: BeginOptions = {};
    this.#hedges.begins();
    for (;;) {
      this.#requireTime();
      const deployment = this.#cursor.current;
      if (deployment === null) return this.#refused() ?? this.#giveUp(false);
      const begun = await this.#begin(deployment, options);
      if (begun === null) {
        options = {};
        this.#cursor.skip();
        continue;
      }
      const hedge = this.#hedges.of(begun, this.#attempts, this.#cursor);
      const end = await new AttemptRace(this.#attempts, begun, hedge).run(() => this.#isGone());
      if (end.kind === 'won' && !this.#movesOn(end)) return this.#commit(end);
      if (this.#isGone()) throw this.#gone();
      const move = this.#moveAfter(deployment, end);
      if (move.kind === 'stop') return this.#refused() ?? this.#giveUp(this.#leftMs() < MIN_LEFT_MS);
      options = await this.#again(move);
    }
  }

  async #begin(deployment: Deployment, options: BeginOptions): Promise<Begun | null> {
    const begun = await this.#attempts.beginCovered(deployment, options);
    if (this.#isGone()) throw this.#gone();
    return begun;
  }

  /** Resolves after the wait before another try at the same deployment. */
  async #again(move: Move): Promise<BeginOptions> {
    if (move.kind !== 'again') return {};
    if (move.waitMs > 0) await this.#wait(move.waitMs);
    return { again: true, fresh: move.fresh };
  }

  #requireTime(): void {
    if (this.#isGone()) throw this.#gone();
    if (this.#leftMs() < MIN_LEFT_MS) this.#giveUp(true);
  }

  #commit({ begun, emissions, last }: FirstDelta): Commitment {
    begun.run.serve();
    this.#committed = begun.run.record;
    if (!last) return { begun, emissions };
    this.#attempts.end(begun, 'ok', null);
    return { begun: null, emissions };
  }

  /** An answer that is nothing but a refusal, where another model may be asked. */
  #movesOn({ emissions, last }: FirstDelta): boolean {
    return last && this.#rules.onRefusal === 'fallback' && isRefusal(emissions);
  }

  #moveAfter(deployment: Deployment, end: RaceEnd): Move {
    return end.kind === 'won' ? this.#refusedInside(end) : this.#afterFailure(deployment, end);
  }

  #refusedInside({ begun, emissions }: FirstDelta): Move {
    this.#attempts.end(begun, 'content_refused', null);
    this.#refusal ??= { begun, emissions };
    return this.#cursor.failed(REFUSED, this.#facts(begun.deployment, false));
  }

  #afterFailure(
    deployment: Deployment,
    { begun, failure }: { readonly begun: Begun; readonly failure: UpstreamFailure },
  ): Move {
    if (failure.class === 'content_refused') {
      this.#refusal ??= { begun, emissions: refusedAnswer(this.input.requestId, begun.run.record) };
    }
    const isCredential = failure.class === 'credential' || failure.class === 'quota_exhausted';
    return this.#cursor.failed(failure, this.#facts(deployment, isCredential));
  }

  #facts(deployment: Deployment, isCredential: boolean): Parameters<CandidateCursor['failed']>[1] {
    const { launcher, retries } = this.ports;
    const hasOther = (): boolean => launcher.credentialsFor(deployment).length > 0;
    return {
      otherCredential: isCredential && deployment.credentialIds.length > 1 && hasOther(),
      attemptsLeft: this.#attempts.left,
      leftMs: this.#leftMs(),
      refusalMovesOn: this.#rules.onRefusal === 'fallback',
      random: jitter(),
      takeRetry: () => retries.take(deployment.id, launcher.clock.nowMs()),
    };
  }

  /** The first refusal of the content stands as the answer when no other model gave one: the caller sees the same from providers
   *  that refuse by status and from those that refuse inside an answer. */
  #refused(): Commitment | undefined {
    if (this.#refusal === undefined) return undefined;
    const { begun, emissions } = this.#refusal;
    begun?.run.serve();
    this.#committed = begun?.run.record ?? null;
    return { begun: null, emissions };
  }

  /** Lets another provider carry on a cut answer, if the rules, the answer and the plan allow it. */
  async #carryOn(broken: AttemptRecord): Promise<(Commitment & { readonly seam: Seam }) | null> {
    const text = this.#partial?.text ?? null;
    const head = this.#partial?.head;
    if (text === null || head === undefined) return null;
    const continuation = { of: broken.n, request: continuedRequest(this.input.request, text) };
    for (const deployment of this.#cursor.waiting.filter(canCarryOn)) {
      if (this.#attempts.left < 1 || this.#leftMs() < MIN_LEFT_MS) return null;
      this.#cursor.take(deployment);
      const begun = await this.#begin(deployment, { continuation });
      if (begun === null) continue;
      const end = await new AttemptRace(this.#attempts, begun, null).run(() => this.#isGone());
      if (this.#isGone()) throw this.#gone();
      if (end.kind === 'lost') continue;
      const seam = new Seam(head, text);
      const { begun: next, emissions } = this.#commit(end);
      return { begun: next, emissions: [seam.mark(broken, begun.run.record), ...seam.join(emissions)], seam };
    }
    return null;
  }

  #isGone(): boolean {
    return this.signal.aborted;
  }

  #gone(): CallerGoneError {
    this.#attempts.endAll('client_closed');
    return new CallerGoneError();
  }

  #giveUp(outOfTime: boolean): never {
    const { records, failures, skipped } = this.#attempts;
    throw lastResort({ attempts: records, failures, skipped, outOfTime });
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

/** A refusal that came inside an answer, as a reason to move on. */
const REFUSED: UpstreamFailure = {
  class: 'content_refused',
  outcome: 'content_refused',
  status: 200,
  vendorCode: null,
  publicMessage: 'its content filter refused the request',
  billed: 'yes',
};

/** @throws Error — simulated and real partners stand in one plan, which planning must never do */
function requireOneWorld(plan: readonly Deployment[]): void {
  if (plan.length === 0) throw new Error('A plan names at least one deployment');
  if (plan.some(({ simulated }) => simulated !== plan[0]?.simulated)) {
    throw new Error('Simulated and real providers may not stand in one plan');
  }
}
