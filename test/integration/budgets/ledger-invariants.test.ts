import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Hold, Settle } from '../../../src/budgets/domain/hold.js';
import { newId, seededRandom } from '../../../src/platform/ids/index.js';
import { formatAmount, parseAmount, picoUsd, ZERO } from '../../../src/platform/money/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { holdOf, ORG, OTHER_PROVIDER, PROVIDER, Replica, settleOf, TEAM, USER } from './ledger-world.js';

const SEED = 20_261_124;
const STEPS = 60;
const attribution = {
  orgId: ORG,
  teamId: TEAM,
  userId: USER,
  keyId: null,
  investigationId: null,
  operationId: null,
};

async function replicasOf(database: TestDatabase, count: number): Promise<readonly Replica[]> {
  return Promise.all(Array.from({ length: count }, () => Replica.start(database.url)));
}

/** A call as it lives: held, perhaps grown or shrunk, then ended in one of the ways calls end. */
class Simulation {
  readonly #random: () => number;
  readonly #kept = new Map<string, readonly string[]>();
  #open: Hold[] = [];
  readonly #unknown: Settle[] = [];

  constructor(
    private readonly replica: Replica,
    seed: number,
  ) {
    this.#random = seededRandom(seed);
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) await this.#step();
    for (const hold of this.#open) await this.replica.flush({ settles: [this.#end(hold)] });
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }

  async #step(): Promise<void> {
    const asks = Array.from({ length: this.#below(5) }, () =>
      this.replica.ask([
        { worst: formatAmount(picoUsd(BigInt(1 + this.#below(90_000)) * 1_000_000n)) },
        { worst: '0.02', provider: OTHER_PROVIDER },
      ]),
    );
    const ended = this.#open.splice(0, this.#below(this.#open.length + 1));
    const grown = this.#open.filter(() => this.#random() < 0.3);
    const shrunk = this.#open.filter((hold) => !grown.includes(hold) && this.#random() < 0.3);
    const late = this.#unknown.splice(0, this.#below(2));
    const settles = ended.map((hold) => this.#end(hold));
    const work = {
      settles,
      late,
      shrinks: shrunk.map((hold) =>
        this.replica.budgets.shrinkFor(this.replica.snapshots.current(), hold, this.#one(hold, '0.01')),
      ),
      asks: [
        ...asks,
        ...grown.map((hold) =>
          this.replica.budgets.extensionFor(this.replica.snapshots.current(), hold, this.#one(hold, '0.005')),
        ),
      ],
    };
    // A process that dies before COMMIT leaves nothing behind: the same work is done again.
    if (this.#random() < 0.2) await expect(this.replica.flush(work, true)).rejects.toThrow('dies here');
    const result = await this.replica.flush(work);
    expect(result.settled.size).toBe(settles.length);
    // Whoever repeats an end, or comes late with another, changes nothing.
    if (this.#random() < 0.3) expect((await this.replica.flush({ settles })).settled.size).toBe(0);
    const changed = new Map<string, Hold>(result.shrunk);
    for (const verdict of result.verdicts) {
      if (verdict.kind !== 'held') continue;
      changed.set(verdict.hold.id, verdict.hold);
      if (verdict.hold.revision === 0) this.#kept.set(verdict.hold.id, verdict.keep);
    }
    this.#open = [
      ...this.#open.map((hold) => changed.get(hold.id) ?? hold),
      ...result.verdicts.flatMap((verdict) =>
        verdict.kind === 'held' && verdict.hold.revision === 0 ? [verdict.hold] : [],
      ),
    ];
    for (const settle of settles) if (settle.reason === 'unknown') this.#unknown.push(this.#truth(settle.hold));
  }

  /** One of the candidates the call holds for. */
  #one(hold: Hold, worst: string) {
    const kept = this.#kept.get(hold.id) ?? [];
    const providerId = kept[this.#below(kept.length)]?.split('/')[0] ?? PROVIDER;
    return {
      attribution,
      criticality: 'critical' as const,
      candidate: {
        deployment: { id: `${providerId}/0`, providerId, model: 'm' },
        currency: 'USD',
        worst: parseAmount(worst),
        worstTokens: 50,
      },
    };
  }

  #end(hold: Hold): Settle {
    const nothing = { amount: ZERO, tokens: 0, requests: 0, currency: hold.currency };
    const which = this.#below(10);
    if (which === 0) return settleOf(hold, ZERO, { reason: 'release', posted: nothing, servedDeployment: null });
    if (which === 1) return settleOf(hold, ZERO, { reason: 'expire', posted: nothing, servedDeployment: null });
    const elsewhere = this.#random() < 0.5 ? {} : { servedDeployment: { providerId: OTHER_PROVIDER, model: 'm' } };
    const used = picoUsd((hold.amount * BigInt(this.#below(101))) / 100n);
    return settleOf(hold, used, { ...elsewhere, ...(which === 2 ? { reason: 'unknown' as const } : {}) });
  }

  #truth(hold: Hold): Settle {
    return settleOf(hold, picoUsd((hold.amount * BigInt(this.#below(101))) / 100n));
  }
}

describe('three processes, random calls, deaths before COMMIT and repeated ends', () => {
  let database: TestDatabase;
  let replicas: readonly Replica[];

  beforeAll(async () => {
    database = await createTestDatabase();
    replicas = await replicasOf(database, 3);
    const [first] = replicas;
    await first?.addBudget('3');
    await first?.addBudget('2', { scope: { type: 'USER', id: USER } });
    await first?.addBudget('1', { scope: { type: 'PROVIDER', id: PROVIDER } });
    await first?.addBudget('50000', { metric: 'TOKENS', scope: { type: 'TEAM', id: TEAM } });
    await first?.addBudget('400', { metric: 'REQUESTS', enforcement: 'SOFT' });
    for (const replica of replicas) await replica.snapshots.refresh();
    await Promise.all(replicas.map((replica, index) => new Simulation(replica, SEED + index).run()));
  }, 120_000);

  afterAll(async () => {
    for (const replica of replicas) await replica.stop();
    await database.drop();
  });

  const none = async (sql: string): Promise<void> => {
    expect(await rows(database.url, sql)).toEqual([]);
  };

  it('made entries of every kind', async () => {
    const kinds = await rows<{ kind: string }>(database.url, 'SELECT DISTINCT kind FROM ledger_entry ORDER BY kind');
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'ADJUST',
      'EXPIRE',
      'EXTEND',
      'HOLD',
      'RELEASE',
      'SETTLE',
      'SHRINK',
    ]);
  });

  it('HARD: posted − overruns + held ≤ limit + extra at every commit', async () => {
    await none(
      `SELECT id FROM budget_balance WHERE enforcement = 'HARD' AND peak - overrun > limit_amount + extra_amount + rollover_amount`,
    );
  });

  it('held = Σ held_delta, posted = Σ posted_delta per balance; Σ held_delta of a resolved hold = 0', async () => {
    await none(`SELECT b.id FROM budget_balance b LEFT JOIN (
        SELECT m.id, sum(m.h) AS held, sum(m.p) AS posted FROM ledger_entry e, unnest(e.balance_ids, e.held_delta, e.posted_delta) AS m(id, h, p)
         GROUP BY m.id) l USING (id)
      WHERE b.held <> coalesce(l.held, 0) OR b.posted <> coalesce(l.posted, 0) OR b.held <> 0`);
    await none(`SELECT e.hold_id FROM ledger_entry e, unnest(e.held_delta, e.balance_ids) AS m(h, id)
      WHERE e.hold_id IS NOT NULL GROUP BY e.hold_id, m.id HAVING sum(m.h) <> 0`);
    expect(await replicas[0]?.budgets.checkLedger()).toEqual([]);
  });

  it('each hold resolves once; each attempt is charged once', async () => {
    await none(
      `SELECT hold_id FROM ledger_entry WHERE kind IN ('SETTLE', 'RELEASE', 'EXPIRE') GROUP BY hold_id HAVING count(*) <> 1`,
    );
    await none(`SELECT h.id FROM hold h WHERE state = 'held'`);
    await none(`SELECT request_id FROM usage_record GROUP BY request_id, attempt HAVING count(*) <> 1`);
    const { settled, used } = await row<{ settled: number; used: number }>(
      database.url,
      `SELECT (SELECT count(*)::int FROM ledger_entry WHERE kind = 'SETTLE') AS settled, (SELECT count(*)::int FROM usage_record) AS used`,
    );
    expect(used).toBe(settled);
    expect(settled).toBeGreaterThan(50);
  });

  it('Σ attempt charges = posted on every shared COST balance', async () => {
    await none(`SELECT b.id FROM budget_balance b JOIN budget_limit l ON l.id = b.limit_id JOIN budget g ON g.id = l.budget_id
      WHERE b.metric = 'COST' AND g.scope_type <> 'PROVIDER' AND b.posted <>
        (SELECT sum(cost) FROM usage_record) + (SELECT coalesce(sum(amount), 0) FROM usage_adjustment)`);
  });
});

describe('result independent of flush size, replica and interleaving: same charges → same posted', () => {
  const CALLS = 256;
  const random = seededRandom(SEED);
  const charges = Array.from({ length: CALLS }, () => picoUsd(BigInt(1 + Math.floor(random() * 1e9))));
  const databases: TestDatabase[] = [];

  afterAll(async () => {
    for (const database of databases) await database.drop();
  });

  /** Holds and settles all charges in flushes of `size`, spread over `processes`; what was posted where. */
  async function posted(size: number, processes: number): Promise<unknown> {
    const database = await createTestDatabase();
    databases.push(database);
    const replicas = await replicasOf(database, processes);
    const [first] = replicas;
    if (first === undefined) throw new Error('At least one process');
    await first.addBudget('1000');
    await first.addBudget('1000', { scope: { type: 'PROVIDER', id: PROVIDER } });
    await first.addBudget('1000000', { metric: 'TOKENS' });
    for (const replica of replicas) await replica.snapshots.refresh();
    const shares = replicas.map((_, place) => charges.filter((__, index) => index % processes === place));
    await Promise.all(
      replicas.map(async (replica, place) => {
        const own = shares[place] ?? [];
        for (let at = 0; at < own.length; at += size) {
          const part = own.slice(at, at + size);
          const { verdicts } = await replica.flush({
            asks: part.map((charge) => replica.ask([{ worst: formatAmount(charge) }], { requestId: newId() })),
          });
          const settles = verdicts.map((verdict, index) => settleOf(holdOf(verdict), part[index] ?? ZERO));
          await replica.flush({ settles });
        }
      }),
    );
    expect(await first.budgets.checkLedger()).toEqual([]);
    for (const replica of replicas) await replica.stop();
    return rows(database.url, 'SELECT metric, posted, held FROM budget_balance ORDER BY metric, posted, id');
  }

  it('one flush of 256, 256 flushes of one, three processes', async () => {
    const together = await posted(CALLS, 1);
    expect(together).toMatchObject([{ metric: 'COST' }, { metric: 'COST' }, { metric: 'TOKENS' }]);
    expect(await posted(1, 1)).toEqual(together);
    expect(await posted(7, 3)).toEqual(together);
  }, 120_000);
});
