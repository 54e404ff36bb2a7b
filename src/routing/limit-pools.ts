import type { Deployment, LimitObservation } from '../providers/index.js';
import { observeLimit, ownLimit, type Headroom, type LimitUnit } from './domain/headroom.js';
import { refillOf } from './domain/refill.js';
import { LimitPool } from './limit-pool.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** How long a limit holds that nobody told us. */
const LEARNED_MS = 600_000;

/** Pools of one owner by unit and window. */
type Pools = Map<string, LimitPool>;

/** The limits that one deployment meets with one credential. */
export interface PoolSet {
  /** In no order; live. */
  all(nowMs: number): readonly LimitPool[];
  /** The pool a report is about, made when it is the first. */
  observe(
    report: LimitObservation,
    times: { readonly sentAtMs: number; readonly nowMs: number },
  ): LimitPool | undefined;
  /** Believes from now on that no more than this fits into a minute. */
  learn(requests: number, nowMs: number): void;
}

/** A pool as another replica tells of it. */
export interface ToldPool {
  readonly owner: string;
  readonly name: string;
  readonly credentialId: string | null;
  readonly report: Omit<Headroom, 'reserved' | 'spent'>;
}

/** All limits of partners this replica knows. What vendors report of an account counts per model there, so it is kept per
 *  credential and upstream model: two deployments that share both share the pool. What operators set is kept per deployment, for
 *  all its credentials together. */
export class LimitPools {
  readonly #owners = new Map<string, Pools>();
  readonly #learnedUntilMs = new Map<string, number>();
  /** Grows whenever a pool comes or goes: lists of pools are made anew then. */
  #changes = 0;

  /** The pools of a deployment with one credential. */
  of(deployment: () => Deployment, credentialId: string | null): PoolSet {
    const { id, upstreamModel } = deployment();
    const own = `${id}|${credentialId ?? ''}`;
    const account = credentialId === null ? own : `${credentialId}|${upstreamModel}`;
    let version = -1;
    let seen = -1;
    let all: readonly LimitPool[] = [];
    return {
      all: (nowMs) => {
        const now = deployment();
        if (now.version !== version) {
          this.#configure(now, nowMs);
          version = now.version;
        }
        this.#forget(own, nowMs);
        if (seen === this.#changes) return all;
        seen = this.#changes;
        const sets = [
          this.#owners.get(account),
          account === own ? undefined : this.#owners.get(own),
          this.#owners.get(id),
        ];
        all = sets.flatMap((pools) => (pools === undefined ? [] : [...pools.values()]));
        return all;
      },
      observe: (report, times) => {
        const owner = report.scope === 'credential' ? account : own;
        return this.#observe(owner, credentialId, report, { ...times, refill: refillOf(deployment()) });
      },
      learn: (requests, nowMs) => {
        const limit = { limit: requests, windowMs: MINUTE_MS, source: 'learned' } as const;
        this.#drop(own, 'learned');
        this.#put(own, 'learned', () => ownLimit('requests', limit, nowMs), credentialId).spend(requests, nowMs);
        this.#learnedUntilMs.set(own, nowMs + LEARNED_MS);
      },
    };
  }

  /** Pools by the name that all replicas use: `owner|name`. */
  byKey(): ReadonlyMap<string, LimitPool> {
    const all = [...this.#owners.values()].flatMap((pools) => [...pools.values()]);
    return new Map(all.map((pool) => [`${pool.owner}|${pool.name}`, pool]));
  }

  /** The pool that another replica told of, made when this one had no report of its own yet. */
  shared({ owner, name, credentialId, report }: ToldPool): LimitPool {
    return this.#put(owner, name, () => ({ ...report, reserved: 0, spent: [] }), credentialId);
  }

  /** Forgets the limits of deployments and credentials that are gone. */
  keep(deployments: readonly Deployment[]): void {
    const known = new Set<string>();
    for (const { id, credentialIds, upstreamModel } of deployments) {
      known.add(id).add(`${id}|`);
      for (const credential of credentialIds) known.add(`${id}|${credential}`).add(`${credential}|${upstreamModel}`);
    }
    for (const owner of this.#owners.keys()) if (!known.has(owner)) this.#owners.delete(owner);
    this.#changes += 1;
    for (const owner of this.#learnedUntilMs.keys()) if (!known.has(owner)) this.#learnedUntilMs.delete(owner);
  }

  #observe(
    owner: string,
    credentialId: string | null,
    report: LimitObservation,
    times: Parameters<typeof observeLimit>[2],
  ): LimitPool | undefined {
    const name = `${report.unit}|${String(report.windowMs ?? '')}`;
    const known = this.#owners.get(owner)?.get(name);
    if (known !== undefined) {
      known.observe(report, times);
      return known;
    }
    const first = observeLimit(undefined, report, times);
    return first === undefined ? undefined : this.#put(owner, name, () => first, credentialId);
  }

  /** Limits of the row; a changed row changes the limit and keeps what was counted. */
  #configure({ id, limits }: Deployment, nowMs: number): void {
    const wanted: readonly [LimitUnit, number | undefined, number][] = [
      ['requests', limits.requestsPerMinute, MINUTE_MS],
      ['tokens', limits.tokensPerMinute, MINUTE_MS],
      ['requests', limits.requestsPerDay, DAY_MS],
    ];
    for (const [unit, limit, windowMs] of wanted) {
      const name = `configured|${unit}|${String(windowMs)}`;
      if (limit === undefined) {
        this.#drop(id, name);
        continue;
      }
      const make = (): Headroom => ownLimit(unit, { limit, windowMs, source: 'configured' }, nowMs);
      const pool = this.#put(id, name, make, null);
      pool.headroom = { ...pool.headroom, limit, base: limit };
    }
  }

  #put(owner: string, name: string, make: () => Headroom, credentialId: string | null): LimitPool {
    let pools = this.#owners.get(owner);
    if (pools === undefined) this.#owners.set(owner, (pools = new Map<string, LimitPool>()));
    const known = pools.get(name);
    if (known !== undefined) return known;
    const pool = new LimitPool(owner, name, credentialId, make());
    pools.set(name, pool);
    this.#changes += 1;
    return pool;
  }

  #forget(owner: string, nowMs: number): void {
    const untilMs = this.#learnedUntilMs.get(owner);
    if (untilMs === undefined || nowMs < untilMs) return;
    this.#learnedUntilMs.delete(owner);
    this.#drop(owner, 'learned');
  }

  #drop(owner: string, name: string): void {
    if (this.#owners.get(owner)?.delete(name) === true) this.#changes += 1;
  }
}
