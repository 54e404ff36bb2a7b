import type { AttemptRecord, Deployment, LimitObservation } from '../providers/index.js';
import { breakerShare, CLOSED, nextBreaker, type BreakerSignal, type BreakerState } from './domain/breaker.js';
import type { CapacityLimit, DeploymentCapacity } from './domain/deployment-capacity.js';
import { availableAt, observeLimit, reserve, shareLeft, type Headroom, type LimitUnit } from './domain/headroom.js';
import { addLatency, p95Of, type Latency } from './domain/latency.js';
import type { LiveDeployment } from './domain/route-request.js';

const DEFAULT_CONCURRENT = 512;
/** A rate limit without a word about its end holds calls back this long. */
const BACK_OFF_MS = 1_000;
const CREDENTIAL_REFUSED_MS = 60_000;
const CREDENTIAL_REFUSALS = 2;
const IDLE_MS = 300_000;

/** Failure classes of the partner itself; everything else says nothing about its health. Source: providers page §8. */
const FAILURES: ReadonlySet<string> = new Set([
  'connect',
  'server',
  'overloaded',
  'malformed',
  'ttft_timeout',
  'idle_timeout',
  'total_timeout',
  'truncated',
]);
const REQUEST_UNITS: ReadonlySet<LimitUnit> = new Set(['requests']);

/** What this replica knows about one deployment: breaker, running attempts, reported limits, times. */
export class DeploymentMeter {
  #breaker: BreakerState = CLOSED;
  #trialRunning = false;
  #inFlight = 0;
  readonly #limits = new Map<LimitUnit, Headroom>();
  #backOffUntilMs = 0;
  #credentialRefusals = 0;
  #credentialRefusedUntilMs = 0;
  #ttft: Latency | undefined;
  #duration: Latency | undefined;
  #lastOutcomeAtMs: number | null = null;
  #lastFailed = false;

  constructor(public deployment: Deployment) {}

  get breaker(): BreakerState {
    return this.#breaker;
  }

  get lastOutcomeAtMs(): number | null {
    return this.#lastOutcomeAtMs;
  }

  get idle(): boolean {
    return this.#inFlight === 0;
  }

  /** Share of its concurrency that is taken. */
  get load(): number {
    return this.#inFlight / this.#maxConcurrent();
  }

  /** Moves the breaker; returns the state before when it lets something else through now. */
  signal(signal: BreakerSignal, nowMs: number, random: number): BreakerState['kind'] | null {
    const before = this.#breaker;
    this.#breaker = nextBreaker(before, signal, nowMs, random);
    if (before.kind !== this.#breaker.kind) this.#trialRunning = false;
    return before.kind === this.#breaker.kind ? null : before.kind;
  }

  /** Why the next attempt would be refused now; `random` decides which calls a ramp lets through. */
  refusal(
    nowMs: number,
    random: number,
  ): { reason: 'breaker_open' | 'upstream_limit'; retryAtMs: number | null } | null {
    const state = this.#breaker;
    if (state.kind === 'open' && nowMs < state.untilMs) return { reason: 'breaker_open', retryAtMs: state.untilMs };
    if (state.kind === 'half-open' && this.#trialRunning)
      return { reason: 'breaker_open', retryAtMs: nowMs + BACK_OFF_MS };
    if (state.kind === 'ramp' && random >= breakerShare(state) && this.#inFlight > 0) {
      return { reason: 'breaker_open', retryAtMs: nowMs + BACK_OFF_MS };
    }
    return this.#limitRefusal(nowMs);
  }

  /** Takes one permit. The returned function gives it back, once. */
  take(nowMs: number): () => void {
    this.#inFlight += 1;
    const trial = this.#breaker.kind === 'half-open';
    if (trial) this.#trialRunning = true;
    for (const [unit, headroom] of this.#limits) {
      if (REQUEST_UNITS.has(unit)) this.#limits.set(unit, reserve(headroom, 1, nowMs));
    }
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#inFlight -= 1;
      if (trial) this.#trialRunning = false;
    };
  }

  /** Learns from an ended attempt; returns the signal for the breaker, or null when it is neutral. */
  learn(attempt: AttemptRecord, limits: readonly LimitObservation[], nowMs: number): BreakerSignal | null {
    const others = Math.max(0, this.#inFlight - 1);
    for (const report of limits) {
      const inFlight = REQUEST_UNITS.has(report.unit) ? others : 0;
      const next = observeLimit(this.#limits.get(report.unit), report, { nowMs, inFlight });
      if (next !== undefined) this.#limits.set(report.unit, next);
    }
    this.#countTokens(attempt, limits, nowMs);
    const failed = isFailure(attempt);
    const ok = attempt.outcome === 'ok' || attempt.outcome === 'content_refused';
    if (ok || failed) {
      this.#lastOutcomeAtMs = nowMs;
      this.#lastFailed = failed;
    }
    if (ok) this.#measure(attempt);
    if (attempt.outcome === 'rate_limited') this.#backOff(limits, nowMs);
    this.#learnCredential(attempt, ok, nowMs);
    if (failed) return { kind: 'failure' };
    return attempt.outcome === 'ok' ? { kind: 'success' } : null;
  }

  /** An unbilled probe answered, or not. */
  noteProbe(ok: boolean, nowMs: number): void {
    this.#lastOutcomeAtMs = nowMs;
    this.#lastFailed = !ok;
    if (ok) this.#credentialRefusals = 0;
  }

  live(nowMs: number, random: number): LiveDeployment {
    const refusal = this.refusal(nowMs, random);
    return {
      refusal: refusal?.reason ?? null,
      retryAtMs: refusal?.retryAtMs ?? null,
      credentialRefused: nowMs < this.#credentialRefusedUntilMs,
      permits: Math.max(0, this.#maxConcurrent() - this.#inFlight),
      headroom: this.#headroom(nowMs),
      tokensLeft: this.#tokensLeft(nowMs),
      ramp: breakerShare(this.#breaker),
      ttftMs: this.#ttft?.meanMs ?? null,
      p95Ms: p95Of(this.#duration),
    };
  }

  capacity(nowMs: number): DeploymentCapacity {
    return {
      deployment: this.deployment,
      state: this.deployment.state,
      breaker: this.#breaker.kind,
      breakerUntilMs: this.#breaker.kind === 'open' ? this.#breaker.untilMs : null,
      inFlight: this.#inFlight,
      concurrencyLimit: this.#maxConcurrent(),
      limits: Array.from(this.#limits.values(), (headroom) => toCapacityLimit(headroom, nowMs)),
      ttftMs: this.#ttft?.meanMs ?? null,
      lastOutcomeAtMs: this.#lastOutcomeAtMs,
      health: this.#health(nowMs),
    };
  }

  #limitRefusal(nowMs: number): { reason: 'upstream_limit'; retryAtMs: number | null } | null {
    if (this.#inFlight >= this.#maxConcurrent()) return { reason: 'upstream_limit', retryAtMs: nowMs + BACK_OFF_MS };
    if (nowMs < this.#backOffUntilMs) return { reason: 'upstream_limit', retryAtMs: this.#backOffUntilMs };
    for (const headroom of this.#limits.values()) {
      const available = availableAt(headroom, nowMs);
      if (available !== null && available < 1) return { reason: 'upstream_limit', retryAtMs: headroom.resetsAtMs };
    }
    return null;
  }

  #countTokens(attempt: AttemptRecord, limits: readonly LimitObservation[], nowMs: number): void {
    const { usage } = attempt;
    const reported = limits.some(({ unit, remaining }) => unit === 'tokens' && remaining !== undefined);
    const headroom = this.#limits.get('tokens');
    if (usage === null || reported || headroom === undefined) return;
    const tokens = usage.input + usage.cacheWrite + usage.output + usage.reasoning;
    this.#limits.set('tokens', reserve(headroom, tokens, nowMs));
  }

  #measure(attempt: AttemptRecord): void {
    if (attempt.ttftMs !== null) this.#ttft = addLatency(this.#ttft, attempt.ttftMs);
    if (attempt.endedAtMs !== null)
      this.#duration = addLatency(this.#duration, attempt.endedAtMs - attempt.startedAtMs);
  }

  #backOff(limits: readonly LimitObservation[], nowMs: number): void {
    const spent = limits.filter(({ remaining, resetsAtMs }) => remaining === 0 && resetsAtMs !== undefined);
    // Limits that say when they reset hold back by themselves.
    if (spent.length === 0) this.#backOffUntilMs = nowMs + BACK_OFF_MS;
  }

  #learnCredential(attempt: AttemptRecord, ok: boolean, nowMs: number): void {
    if (ok) this.#credentialRefusals = 0;
    if (attempt.failureClass === 'credential') this.#credentialRefusals += 1;
    if (attempt.failureClass === 'quota_exhausted') this.#credentialRefusals = CREDENTIAL_REFUSALS;
    if (this.#credentialRefusals < CREDENTIAL_REFUSALS) return;
    this.#credentialRefusals = 0;
    this.#credentialRefusedUntilMs = nowMs + CREDENTIAL_REFUSED_MS;
  }

  #maxConcurrent(): number {
    return this.deployment.limits.maxConcurrent ?? DEFAULT_CONCURRENT;
  }

  #headroom(nowMs: number): number {
    let least = 1;
    for (const headroom of this.#limits.values()) least = Math.min(least, shareLeft(headroom, nowMs));
    return least;
  }

  #tokensLeft(nowMs: number): number | null {
    const headroom = this.#limits.get('tokens') ?? this.#limits.get('inputTokens');
    return headroom === undefined ? null : availableAt(headroom, nowMs);
  }

  #health(nowMs: number): DeploymentCapacity['health'] {
    if (this.#breaker.kind === 'open') return 'failing';
    if (this.#breaker.kind !== 'closed' || this.#lastFailed) return 'degraded';
    if (this.#lastOutcomeAtMs === null) return 'unknown';
    return nowMs - this.#lastOutcomeAtMs > IDLE_MS ? 'idle' : 'healthy';
  }
}

function isFailure({ failureClass, blameless }: AttemptRecord): boolean {
  return failureClass !== null && FAILURES.has(failureClass) && !blameless;
}

function toCapacityLimit(headroom: Headroom, nowMs: number): CapacityLimit {
  const remaining = availableAt(headroom, nowMs);
  const { unit, limit, reserved, source, resetsAtMs } = headroom;
  const used = limit === null || remaining === null ? null : Math.max(0, limit - remaining - reserved);
  return { unit, limit, used, reserved, remaining, source, resetsAtMs };
}
