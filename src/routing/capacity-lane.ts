import type { Criticality } from '../platform/security/index.js';
import type { AttemptRecord, Deployment, LimitObservation } from '../providers/index.js';
import { breakerShare, CLOSED, nextBreaker, type BreakerSignal, type BreakerState } from './domain/breaker.js';
import { CLASS_SHARES, isUrgent, looksAhead } from './domain/class-share.js';
import { nextConcurrency, startConcurrency, type Concurrency } from './domain/concurrency.js';
import type { CapacityLane as LaneView } from './domain/deployment-capacity.js';
import { usedBeyondReport, usedOf } from './domain/attempt-usage.js';
import type { LimitUnit } from './domain/headroom.js';
import { judgeAttempt } from './domain/judge-attempt.js';
import { RateCounter } from './domain/rate-counter.js';
import { growsSlowly } from './domain/refill.js';
import { LaneHealth } from './lane-health.js';
import type { LimitPool } from './limit-pool.js';
import type { PoolSet } from './limit-pools.js';

const MAX_CONCURRENT = 512;
/** A rate limit without a word about its end holds calls back this long. */
const BACK_OFF_MS = 1_000;
const MAX_BACK_OFF_MS = 900_000;
/** A deployment its partner does not know is asked again after this, or when its row changed or a probe succeeded. */
const GONE_MS = 300_000;
/** Fewer dispatches in a minute teach nothing about a limit per minute. */
const LEAST_LEARNED = 5;
const MINUTE_MS = 60_000;
/** Below this many in a minute a vendor does not mind how fast a load grows. */
const FREE_GROWTH = 60;

/** What an attempt takes, as limits count it. */
export interface LaneAsk {
  readonly atMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly criticality: Criticality;
  readonly isFailover: boolean;
}

/** How a lane begins. */
export interface LaneOptions {
  /** Absent: closed. */
  readonly begin?: BreakerState | undefined;
  /** False: as many attempts at once as the row allows, from the start. */
  readonly isAdaptive?: boolean;
}

/** Why no attempt may be made now, and when that may end (null: unknown). */
export interface LaneRefusal {
  readonly reason: 'breaker_open' | 'upstream_limit';
  readonly retryAtMs: number | null;
}

/** One deployment with one credential: its breaker, how many attempts it bears at once, its limits and its health. */
export class CapacityLane {
  #health = new LaneHealth();
  readonly #rate = new RateCounter();
  #breaker: BreakerState;
  #concurrency: Concurrency;
  #trialRunning = false;
  /** Whether a trial needs the permission of other replicas, and whether this replica has it. */
  #trialLease: 'free' | 'wanted' | 'held' = 'free';
  #inFlight = 0;
  #backOffUntilMs = 0;
  #gone: { readonly version: number; readonly untilMs: number } | undefined;
  #probeFailures = 0;

  constructor(
    private readonly deploymentNow: () => Deployment,
    readonly credentialId: string | null,
    private readonly pools: PoolSet,
    options: LaneOptions = {},
  ) {
    this.#breaker = options.begin ?? CLOSED;
    this.#concurrency = startConcurrency(this.#max);
    if (options.isAdaptive === false) this.#concurrency = { ...this.#concurrency, limit: this.#max };
  }

  get breaker(): BreakerState {
    return this.#breaker;
  }

  get health(): LaneHealth {
    return this.#health;
  }

  /** What was measured says nothing about what is to come. */
  forgetHealth(): void {
    this.#health = new LaneHealth();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Attempts it bears at once, as far as is known; the ramp of a recovering one takes its share. */
  get concurrencyLimit(): number {
    return Math.max(1, Math.floor(Math.min(this.#max, this.#concurrency.limit) * this.ramp));
  }

  get ramp(): number {
    return this.#breaker.kind === 'half-open' ? 1 : Math.max(0.1, breakerShare(this.#breaker));
  }

  /** Moves the breaker; returns the state before when it lets something else through now. */
  signal(signal: BreakerSignal, nowMs: number, random: number): BreakerState['kind'] | null {
    return this.#become(nextBreaker(this.#breaker, signal, nowMs, random));
  }

  /** Takes over the breaker's state from another replica; returns the state before when that changed something. */
  adopt(state: BreakerState): BreakerState['kind'] | null {
    return this.#become(state);
  }

  /** `wanted`: no trial before {@link leaseTrial} says yes. */
  requireLease(): void {
    if (this.#trialLease === 'free') this.#trialLease = 'wanted';
  }

  /** Another replica has the trial, or this one; `free`: nobody asks. */
  leaseTrial(lease: 'free' | 'wanted' | 'held'): void {
    this.#trialLease = lease;
  }

  get wantsLease(): boolean {
    return this.#breaker.kind === 'half-open' && this.#trialLease === 'wanted';
  }

  /** Why the attempt would be refused now; null: it would not. */
  refusal(ask: LaneAsk): LaneRefusal | null {
    return this.#breakerRefusal(ask.atMs) ?? this.#loadRefusal(ask) ?? this.#limitRefusal(ask);
  }

  /** Smallest share of a limit that is left after such an attempt, 0…1. */
  shareAfter(ask: LaneAsk): number {
    let least = 1;
    for (const pool of this.pools.all(ask.atMs)) {
      least = Math.min(least, pool.shareAfter(this.#units(pool.headroom.unit, ask), ask.atMs));
    }
    return least;
  }

  /** Tokens that the limits leave; null: unknown. */
  tokensLeft(nowMs: number): number | null {
    let least: number | null = null;
    for (const pool of this.pools.all(nowMs)) {
      const { unit } = pool.headroom;
      if (unit !== 'tokens' && unit !== 'inputTokens') continue;
      const available = pool.available(nowMs);
      if (available !== null) least = Math.min(least ?? available, available);
    }
    return least;
  }

  /** Free attempts. */
  get permits(): number {
    return Math.max(0, this.concurrencyLimit - this.#inFlight);
  }

  /** Takes one permit and what it needs of every limit. The returned function gives it back, once. */
  take(ask: LaneAsk): () => void {
    this.#inFlight += 1;
    this.#rate.add(ask.atMs);
    const isTrial = this.#breaker.kind === 'half-open';
    if (isTrial) this.#trialRunning = true;
    const taken = this.pools.all(ask.atMs).map((pool) => [pool, this.#units(pool.headroom.unit, ask)] as const);
    for (const [pool, units] of taken) pool.take(units, ask.atMs);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#inFlight -= 1;
      if (isTrial) this.#trialRunning = false;
      for (const [pool, units] of taken) pool.giveBack(units);
    };
  }

  /** Learns from an ended attempt, after its permit came back; returns the signal for the breaker, or null when it is neutral. */
  learn(attempt: AttemptRecord, reports: readonly LimitObservation[], nowMs: number): BreakerSignal | null {
    const times = { sentAtMs: attempt.startedAtMs, nowMs };
    const reported = new Set<LimitPool | undefined>();
    for (const report of reports) reported.add(this.pools.observe(report, times));
    for (const pool of this.pools.all(nowMs)) {
      const { unit } = pool.headroom;
      pool.spend(reported.has(pool) ? usedBeyondReport(attempt, unit) : usedOf(attempt, unit), nowMs);
    }
    const verdict = judgeAttempt(attempt, reports);
    if (verdict.health !== null) this.health.outcome(verdict.health === 'failed', nowMs);
    if (verdict.health === 'ok') this.health.measure(attempt, nowMs);
    if (verdict.isRateLimited) this.#backOff(attempt, verdict.hasKnownWindow, nowMs);
    if (attempt.failureClass === 'not_found') {
      this.#gone = { version: this.deploymentNow().version, untilMs: nowMs + GONE_MS };
    }
    this.#adapt(verdict.concurrency, nowMs);
    return verdict.signal;
  }

  /** An unbilled probe answered, or not. Three failures in a row open the breaker of one nobody calls. */
  noteProbe(ok: boolean, nowMs: number): void {
    this.health.probed(ok, nowMs);
    this.#probeFailures = ok ? 0 : this.#probeFailures + 1;
    if (ok) this.#gone = undefined;
  }

  get probeFailures(): number {
    return this.#probeFailures;
  }

  view(isUsable: boolean): LaneView {
    return {
      credentialId: this.credentialId,
      breaker: this.#breaker.kind,
      breakerUntilMs: this.#breaker.kind === 'open' ? this.#breaker.untilMs : null,
      inFlight: this.#inFlight,
      concurrencyLimit: this.concurrencyLimit,
      isUsable,
    };
  }

  /** Its limits; pools are shared, so that a caller who asks several lanes sees some twice. */
  limitPools(nowMs: number): readonly LimitPool[] {
    return this.pools.all(nowMs);
  }

  get #max(): number {
    return this.deploymentNow().limits.maxConcurrent ?? MAX_CONCURRENT;
  }

  /** A call that failed elsewhere was let in already: the adaptive limit, which is a guess, does not stop it; a recovering
   *  deployment takes as many as it took before. */
  get #mostForFailover(): number {
    return this.#breaker.kind === 'closed' ? this.#max : Math.min(this.#max, this.#concurrency.limit);
  }

  #become(next: BreakerState): BreakerState['kind'] | null {
    const before = this.#breaker;
    this.#breaker = next;
    if (before.kind === next.kind) return null;
    this.#trialRunning = false;
    return before.kind;
  }

  #breakerRefusal(nowMs: number): LaneRefusal | null {
    const state = this.#breaker;
    if (state.kind === 'open' && nowMs < state.untilMs) return { reason: 'breaker_open', retryAtMs: state.untilMs };
    if (state.kind === 'open') return null;
    const isTaken = this.#trialRunning || this.#trialLease === 'wanted';
    if (state.kind === 'half-open' && isTaken) return { reason: 'breaker_open', retryAtMs: nowMs + BACK_OFF_MS };
    const gone = this.#gone;
    if (gone?.version !== this.deploymentNow().version || nowMs >= gone.untilMs) return null;
    return { reason: 'breaker_open', retryAtMs: gone.untilMs };
  }

  #loadRefusal({ atMs, criticality, isFailover }: LaneAsk): LaneRefusal | null {
    const most = isFailover ? this.#mostForFailover : this.concurrencyLimit;
    if (this.#inFlight >= most) return { reason: 'upstream_limit', retryAtMs: null };
    if (atMs < this.#backOffUntilMs) return { reason: 'upstream_limit', retryAtMs: this.#backOffUntilMs };
    // A call that failed elsewhere was let in already.
    if (!isFailover && this.#use(criticality, atMs) > CLASS_SHARES[criticality]) {
      return { reason: 'upstream_limit', retryAtMs: null };
    }
    if (!growsSlowly(this.deploymentNow())) return null;
    const before = this.#rate.count(atMs, MINUTE_MS, MINUTE_MS);
    const isTooFast = this.#rate.count(atMs, MINUTE_MS) >= Math.max(FREE_GROWTH, 2 * before);
    return isTooFast ? { reason: 'upstream_limit', retryAtMs: atMs + BACK_OFF_MS } : null;
  }

  /** Used share of what it bears, for a call of this class. */
  #use(criticality: Criticality, nowMs: number): number {
    // Twice the limit as long as nothing spoke against it.
    const likely = Math.min(this.#max, this.concurrencyLimit * (this.#concurrency.isUnproven ? 2 : 1));
    const busy = this.#inFlight / likely;
    if (!looksAhead(criticality)) return busy;
    return Math.max(busy, ...this.pools.all(nowMs).map((pool) => pool.predictedUse(nowMs)));
  }

  #limitRefusal(ask: LaneAsk): LaneRefusal | null {
    let latest: number | null = null;
    for (const pool of this.pools.all(ask.atMs)) {
      const units = this.#units(pool.headroom.unit, ask);
      const untilMs = pool.refusedUntil({ units, isUrgent: isUrgent(ask.criticality), nowMs: ask.atMs });
      if (untilMs !== null) latest = Math.max(latest ?? 0, untilMs);
    }
    if (latest === null) return null;
    return { reason: 'upstream_limit', retryAtMs: Number.isFinite(latest) ? latest : null };
  }

  /** Estimate of what an attempt takes of a limit. */
  #units(unit: LimitUnit, { inputTokens, outputTokens }: LaneAsk): number {
    const output = Math.ceil(Math.min(outputTokens, this.health.usualOutput));
    switch (unit) {
      case 'requests':
        return 1;
      case 'tokens':
        return inputTokens + output;
      case 'inputTokens':
        return inputTokens;
      case 'outputTokens':
        return output;
      case 'images':
        return 0;
    }
  }

  #adapt(signal: Parameters<typeof nextConcurrency>[1], nowMs: number): void {
    // Looked at once per round: first tokens that became slow say the same as a refusal.
    const endsRound = this.#concurrency.successes + 1 >= this.#concurrency.limit;
    const isSlow = signal === 'success' && endsRound && this.health.isSlow(nowMs);
    const met = { inFlight: this.#inFlight + 1, max: this.#max };
    this.#concurrency = nextConcurrency(this.#concurrency, isSlow ? 'overload' : signal, met);
  }

  #backOff({ retryAfterMs }: AttemptRecord, hasKnownWindow: boolean, nowMs: number): void {
    if (retryAfterMs !== null) this.#backOffUntilMs = nowMs + Math.min(retryAfterMs, MAX_BACK_OFF_MS);
    // Limits that say when they reset hold back by themselves.
    if (hasKnownWindow) return;
    if (retryAfterMs === null) this.#backOffUntilMs = nowMs + BACK_OFF_MS;
    const inMinute = this.#rate.count(nowMs, MINUTE_MS) - 1;
    if (inMinute >= LEAST_LEARNED) this.pools.learn(inMinute, nowMs);
  }
}
