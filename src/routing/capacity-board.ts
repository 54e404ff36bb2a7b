import { type Clock } from '../platform/clock/index.js';
import { jitter } from '../platform/ids/index.js';
import type {
  AttemptAsk,
  AttemptClaim,
  AttemptGate,
  AttemptObserver,
  AttemptPermit,
  AttemptRecord,
  AttemptRefusal,
  Deployment,
  LimitObservation,
} from '../providers/index.js';
import { CapacityClaim } from './capacity-claim.js';
import type { CapacityLane, LaneAsk, LaneOptions, LaneRefusal } from './capacity-lane.js';
import { DeploymentLanes } from './deployment-lanes.js';
import { startRamp, type BreakerSignal, type BreakerState } from './domain/breaker.js';
import type { BreakerChange, DeploymentCapacity } from './domain/deployment-capacity.js';
import type { LiveDeployment } from './domain/route-request.js';
import type { LimitPool } from './limit-pool.js';
import { LimitPools, type ToldPool } from './limit-pools.js';

/** What a call is about to take, before it is known which attempt it will be. */
export type ClaimAsk = Omit<AttemptAsk, 'claim' | 'isFailover'>;

/** What the board tells others, synchronously; nobody may throw. */
export interface BoardListener {
  breakerChanged?(change: BreakerChange, lane: CapacityLane): void;
  /** Room that was taken is free again. */
  freed?(): void;
}

/** Lanes of all deployments in this replica: per deployment and credential one breaker, also for a lone one, a concurrency limit and
 *  limits of the partner. Bound to the gate and the observer of attempts in `app.module.ts`. Keeps what is in the snapshot and what
 *  still runs. */
export class CapacityBoard implements AttemptGate, AttemptObserver {
  readonly #deployments = new Map<string, DeploymentLanes>();
  readonly #pools = new LimitPools();
  readonly #listeners: BoardListener[] = [];
  #served = 0;
  /** Deployments that were there from the start are trusted; later ones begin like one that just recovered. */
  #isSeeded = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: Pick<LaneOptions, 'isAdaptive'> = {},
  ) {}

  /** Takes a permit for one attempt at the credential with the most room, or says why there is none. A claim of this call is used
   *  up where it was made for this deployment, and given back where it was not. */
  admit(deployment: Deployment, ask: AttemptAsk): AttemptPermit | AttemptRefusal {
    const claimed = ask.claim instanceof CapacityClaim ? ask.claim.redeem(deployment.id, ask.credentialIds) : null;
    if (claimed !== null) {
      const lane = this.#lanesOf(deployment).lane(claimed.credentialId);
      if (lane.breaker.kind !== 'open') return claimed;
      claimed.release();
    }
    return this.#admit(deployment, ask);
  }

  /** Takes a permit ahead of the first attempt. Undefined: there is none at the moment. */
  claim(deployment: Deployment, ask: ClaimAsk): AttemptClaim | undefined {
    const permit = this.#admit(deployment, { ...ask, claim: null, isFailover: false });
    return permit.ok ? new CapacityClaim(deployment.id, permit) : undefined;
  }

  /** Share of a deployment's concurrency that is taken, 0…1. */
  load(deployment: Deployment): number {
    return this.#lanesOf(deployment).load;
  }

  /** Attempts that a partner answered since this replica started. */
  get served(): number {
    return this.#served;
  }

  /** Learns from an attempt that ended. */
  observed(deployment: Deployment, attempt: AttemptRecord, limits: readonly LimitObservation[]): void {
    const nowMs = attempt.endedAtMs ?? this.clock.nowMs();
    if (attempt.outcome === 'ok') this.#served += 1;
    const lane = this.#lanesOf(deployment).lane(attempt.credentialId);
    const signal = lane.learn(attempt, limits, nowMs);
    if (signal !== null) this.#signal(deployment, lane, { signal, nowMs });
    this.#freed();
  }

  /** Learns from an unbilled probe: success may end an open breaker early and never closes one; three failures in a row open the
   *  breaker of one that nobody calls. */
  probed(deployment: Deployment, credentialId: string | null, ok: boolean): void {
    const nowMs = this.clock.nowMs();
    const lane = this.#lanesOf(deployment).lane(credentialId);
    lane.noteProbe(ok, nowMs);
    if (ok) this.#signal(deployment, lane, { signal: { kind: 'probed' }, nowMs });
    else if (lane.breaker.kind !== 'closed') this.#signal(deployment, lane, { signal: { kind: 'failure' }, nowMs });
    else if (lane.probeFailures >= 3) {
      for (let n = 0; n < 3; n += 1) this.#signal(deployment, lane, { signal: { kind: 'failure' }, nowMs });
    }
    if (ok) this.#freed();
  }

  /** What the plan may know about a deployment, for a call like this through one of these credentials. */
  live(deployment: Deployment, ask: ClaimAsk): LiveDeployment {
    const lanes = this.#lanesOf(deployment);
    for (const id of ask.credentialIds) this.#pass(deployment, lanes.lane(id), ask.atMs);
    return lanes.live(ask.credentialIds, laneAsk({ ...ask, isFailover: false }));
  }

  /** Where this deployment stands now. `usable`: credentials its partner does not refuse. */
  capacity(deployment: Deployment, usable: readonly (string | null)[]): DeploymentCapacity {
    const nowMs = this.clock.nowMs();
    const lanes = this.#lanesOf(deployment);
    for (const lane of lanes.all) this.#pass(deployment, lane, nowMs);
    return lanes.capacity(usable, nowMs);
  }

  /** Credentials of a deployment whose lane had no outcome for `quietMs`, or whose breaker is open. */
  quiet(deployment: Deployment, quietMs: number): readonly (string | null)[] {
    const nowMs = this.clock.nowMs();
    return this.#lanesOf(deployment).all.flatMap(({ breaker, health: { lastOutcomeAtMs }, credentialId }) => {
      const isSilent = lastOutcomeAtMs === null || nowMs - lastOutcomeAtMs >= quietMs;
      return isSilent || breaker.kind === 'open' ? [credentialId] : [];
    });
  }

  /** Takes over a configuration: makes lanes for what is new, and forgets those that are gone and have nothing running. */
  keep(deployments: readonly Deployment[]): void {
    const ids = new Set(deployments.map(({ id }) => id));
    for (const [id, lanes] of this.#deployments) if (!ids.has(id) && lanes.idle) this.#deployments.delete(id);
    for (const deployment of deployments) this.#follow(deployment);
    this.#pools.keep(Array.from(this.#deployments.values(), ({ deployment }) => deployment));
    if (deployments.length > 0) this.#isSeeded = true;
    this.#freed();
  }

  /** Calls `listener` from now on. */
  listen(listener: BoardListener): void {
    this.#listeners.push(listener);
  }

  /** Lanes by the name that all replicas use: `deployment:credential`. */
  findLane(deploymentId: string, credentialId: string | null): CapacityLane | undefined {
    return this.#deployments.get(deploymentId)?.find(credentialId);
  }

  /** Every lane with its deployment. */
  *lanes(): Generator<readonly [Deployment, CapacityLane]> {
    for (const lanes of this.#deployments.values()) for (const lane of lanes.all) yield [lanes.deployment, lane];
  }

  /** Limits by the name that all replicas use. */
  pools(): ReadonlyMap<string, LimitPool> {
    return this.#pools.byKey();
  }

  /** The limit that another replica told of. */
  sharedPool(told: ToldPool): LimitPool {
    return this.#pools.shared(told);
  }

  /** Another replica probed a lane; nothing happens to one this replica does not know. */
  probedElsewhere(deploymentId: string, credentialId: string | null, ok: boolean): void {
    const lanes = this.#deployments.get(deploymentId);
    if (lanes?.find(credentialId) !== undefined) this.probed(lanes.deployment, credentialId, ok);
  }

  /** Takes over a breaker's state that another replica found out. */
  adopt(deploymentId: string, credentialId: string | null, state: BreakerState): void {
    const lanes = this.#deployments.get(deploymentId);
    const lane = lanes?.find(credentialId);
    if (lanes === undefined || lane === undefined) return;
    this.#announce(lanes.deployment, lane, { from: lane.adopt(state), atMs: this.clock.nowMs() });
  }

  /** A deployment at another address is measured anew. One that is back in service begins with single trials, as after a failure:
   *  nobody knows what was done to it meanwhile. */
  #follow(deployment: Deployment): void {
    const before = this.#deployments.get(deployment.id)?.deployment;
    const lanes = this.#lanesOf(deployment);
    if (before === undefined) return;
    lanes.deployment = deployment;
    const isMoved = before.baseUrl !== deployment.baseUrl;
    const isBack = before.state !== 'enabled' && deployment.state === 'enabled';
    for (const lane of isMoved || isBack ? lanes.all : []) {
      if (isMoved) lane.forgetHealth();
      if (!isBack || lane.breaker.kind === 'open') continue;
      const from = lane.adopt({ kind: 'half-open', trips: 0, successes: 0 });
      this.#announce(deployment, lane, { from, atMs: this.clock.nowMs() });
    }
  }

  #admit(deployment: Deployment, ask: AttemptAsk): AttemptPermit | AttemptRefusal {
    const lanes = this.#lanesOf(deployment);
    const wanted = laneAsk(ask);
    let best: { readonly lane: CapacityLane; readonly room: number } | undefined;
    const refusals: LaneRefusal[] = [];
    for (const id of ask.credentialIds) {
      const lane = lanes.lane(id);
      this.#pass(deployment, lane, ask.atMs);
      const refusal = lane.refusal(wanted);
      if (refusal !== null) {
        refusals.push(refusal);
        continue;
      }
      const room = ask.credentialIds.length === 1 ? 1 : lane.shareAfter(wanted) * (1 + lane.permits);
      if (best === undefined || room > best.room) best = { lane, room };
    }
    if (best === undefined) return refused(refusals, ask.atMs);
    const giveBack = best.lane.take(wanted);
    const release = (): void => {
      giveBack();
      this.#freed();
    };
    return { ok: true, credentialId: best.lane.credentialId, release };
  }

  /** Lets time pass for a breaker. */
  #pass(deployment: Deployment, lane: CapacityLane, nowMs: number): void {
    if (lane.breaker.kind !== 'closed') this.#signal(deployment, lane, { signal: { kind: 'time' }, nowMs });
  }

  #signal(
    deployment: Deployment,
    lane: CapacityLane,
    { signal, nowMs }: { readonly signal: BreakerSignal; readonly nowMs: number },
  ): void {
    this.#announce(deployment, lane, { from: lane.signal(signal, nowMs, jitter()), atMs: nowMs });
  }

  #announce(
    deployment: Deployment,
    lane: CapacityLane,
    { from, atMs }: { readonly from: BreakerState['kind'] | null; readonly atMs: number },
  ): void {
    if (from === null) return;
    const change: BreakerChange = { deployment, credentialId: lane.credentialId, from, to: lane.breaker.kind, atMs };
    for (const listener of this.#listeners) listener.breakerChanged?.(change, lane);
  }

  #freed(): void {
    for (const listener of this.#listeners) listener.freed?.();
  }

  #lanesOf(deployment: Deployment): DeploymentLanes {
    const known = this.#deployments.get(deployment.id);
    if (known === undefined) {
      const nowMs = this.clock.nowMs();
      const begin = this.#isSeeded ? startRamp(nowMs) : undefined;
      const lanes = new DeploymentLanes(deployment, this.#pools, { ...this.options, begin });
      this.#deployments.set(deployment.id, lanes);
      return lanes;
    }
    // A newer snapshot's row: limits and weight may have changed, what was learned stays.
    if (known.deployment.version < deployment.version) known.deployment = deployment;
    return known;
  }
}

function laneAsk({ atMs, inputTokens, outputTokens, criticality, isFailover }: Omit<AttemptAsk, 'claim'>): LaneAsk {
  return { atMs, inputTokens, outputTokens, criticality, isFailover };
}

/** The refusal of a deployment whose lanes all refuse: its breaker's when every lane's breaker is open, and the earliest end. */
function refused(refusals: readonly LaneRefusal[], nowMs: number): AttemptRefusal {
  const isBreaker = refusals.every(({ reason }) => reason === 'breaker_open');
  const ends = refusals.flatMap(({ retryAtMs }) => retryAtMs ?? []);
  const reason = isBreaker ? 'breaker_open' : 'upstream_limit';
  return ends.length === 0
    ? { ok: false, reason }
    : { ok: false, reason, retryAfterMs: Math.max(0, Math.min(...ends) - nowMs) };
}
