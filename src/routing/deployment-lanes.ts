import type { Deployment } from '../providers/index.js';
import { CapacityLane, type LaneAsk, type LaneOptions } from './capacity-lane.js';
import { breakerShare, type BreakerState } from './domain/breaker.js';
import type { DeploymentCapacity } from './domain/deployment-capacity.js';
import type { LiveDeployment } from './domain/route-request.js';
import type { LaneHealth } from './lane-health.js';
import type { LimitPools } from './limit-pools.js';

const IDLE_MS = 300_000;
/** Fewer than this share of good attempts is a degraded partner. */
const GOOD_SHARE = 0.9;
/** From what lets the most through to what lets nothing through. */
const BREAKERS = ['closed', 'ramp', 'half-open', 'open'] as const;

/** The lanes of one deployment: one per credential, or a single one when it needs none. */
export class DeploymentLanes {
  readonly #lanes = new Map<string | null, CapacityLane>();

  constructor(
    public deployment: Deployment,
    private readonly pools: LimitPools,
    private readonly options: LaneOptions,
  ) {}

  /** Lanes of the row, with those of former credentials that still run something. */
  get all(): readonly CapacityLane[] {
    const { credentialIds } = this.deployment;
    const ids: readonly (string | null)[] = credentialIds.length === 0 ? [null] : credentialIds;
    for (const [id, lane] of this.#lanes) if (!ids.includes(id) && lane.inFlight === 0) this.#lanes.delete(id);
    for (const id of ids) this.lane(id);
    return [...this.#lanes.values()];
  }

  get idle(): boolean {
    for (const lane of this.#lanes.values()) if (lane.inFlight > 0) return false;
    return true;
  }

  /** Share of its concurrency that is taken. */
  get load(): number {
    const { all } = this;
    const limit = all.reduce((sum, lane) => sum + lane.concurrencyLimit, 0);
    return all.reduce((sum, lane) => sum + lane.inFlight, 0) / Math.max(1, limit);
  }

  find(credentialId: string | null): CapacityLane | undefined {
    return this.#lanes.get(credentialId);
  }

  /** The lane of a credential, made when it is new. */
  lane(credentialId: string | null): CapacityLane {
    let lane = this.#lanes.get(credentialId);
    if (lane === undefined) {
      const now = (): Deployment => this.deployment;
      lane = new CapacityLane(now, credentialId, this.pools.of(now, credentialId), this.options);
      this.#lanes.set(credentialId, lane);
    }
    return lane;
  }

  /** What all these lanes together mean to a plan: it may be called when one of them admits. */
  live(credentialIds: readonly (string | null)[], ask: LaneAsk): LiveDeployment {
    const lanes = credentialIds.map((id) => this.lane(id));
    const refusals = lanes.map((lane) => lane.refusal(ask));
    const open = lanes.filter((_, index) => refusals[index] === null);
    const closed = refusals.filter((one) => one !== null);
    const judged = open.length > 0 ? open : lanes;
    const isBreaker = closed.every(({ reason }) => reason === 'breaker_open');
    const retries = closed.flatMap(({ retryAtMs }) => retryAtMs ?? []);
    const tokens = judged.map((lane) => lane.tokensLeft(ask.atMs));
    return {
      refusal: open.length > 0 || lanes.length === 0 ? null : isBreaker ? 'breaker_open' : 'upstream_limit',
      retryAtMs: open.length > 0 || retries.length === 0 ? null : Math.min(...retries),
      credentialRefused: lanes.length === 0,
      permits: open.reduce((sum, lane) => sum + lane.permits, 0),
      headroom: most(judged.map((lane) => lane.shareAfter(ask))) ?? 0,
      tokensLeft: tokens.includes(null) ? null : most(tokens),
      ramp: most(judged.map(({ breaker }) => breakerShare(breaker))) ?? 0,
      ttftMs: least(judged.map(({ health }) => health.ttftMs)),
      p95Ms: least(judged.map(({ health }) => health.p95Ms)),
    };
  }

  /** As shown to operators. */
  capacity(usable: readonly (string | null)[], nowMs: number): DeploymentCapacity {
    const { all, deployment } = this;
    const lanes = all.map((lane) => lane.view(usable.includes(lane.credentialId)));
    const able = lanes.some(({ isUsable }) => isUsable) ? lanes.filter(({ isUsable }) => isUsable) : lanes;
    const best = BREAKERS.find((kind) => able.some(({ breaker }) => breaker === kind)) ?? 'open';
    const waits = lanes.flatMap(({ breakerUntilMs }) => breakerUntilMs ?? []);
    const pools = new Set(all.flatMap((lane) => lane.limitPools(nowMs)));
    const busiest = all.reduce((one, other) => (lastOf(other) > lastOf(one) ? other : one));
    return {
      deployment,
      state: deployment.state,
      breaker: best,
      breakerUntilMs: best === 'open' && waits.length > 0 ? Math.min(...waits) : null,
      inFlight: lanes.reduce((sum, { inFlight }) => sum + inFlight, 0),
      concurrencyLimit: lanes.reduce((sum, { concurrencyLimit }) => sum + concurrencyLimit, 0),
      lanes,
      limits: Array.from(pools, (pool) => pool.toLimit(nowMs)),
      ...busiest.health.facts(nowMs),
      health: healthOf(best, busiest.health, nowMs),
    };
  }
}

/** When a lane last heard of its partner. */
const lastOf = ({ health }: CapacityLane): number => health.lastOutcomeAtMs ?? 0;

function healthOf(best: BreakerState['kind'], health: LaneHealth, nowMs: number): DeploymentCapacity['health'] {
  if (best === 'open') return 'failing';
  const { lastOutcomeAtMs, lastFailed, successRatio } = health;
  if (lastOutcomeAtMs === null) return 'unknown';
  if (best === 'half-open' || lastFailed || (successRatio ?? 1) < GOOD_SHARE) return 'degraded';
  return nowMs - lastOutcomeAtMs > IDLE_MS ? 'idle' : 'healthy';
}

const known = (values: readonly (number | null)[]): readonly number[] => values.filter((one) => one !== null);

function most(values: readonly (number | null)[]): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

function least(values: readonly (number | null)[]): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : Math.min(...numbers);
}
