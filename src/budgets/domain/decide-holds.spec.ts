import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { picoUsd, ZERO, type PicoUsd } from '../../platform/money/index.js';
import { CRITICALITIES } from '../../platform/security/index.js';
import type { Enforcement } from './budget.js';
import { capOf, decideHolds, holdOf, type AskCandidate, type Balance, type ReadyAsk } from './decide-holds.js';
import { postedOn, type Hold, type Settle } from './hold.js';

const pico = (units: number | bigint): PicoUsd => picoUsd(BigInt(units));
let made = 0;

function aBalance(fields: Partial<Balance> & { readonly id: number }): Balance {
  return {
    metric: 'COST',
    enforcement: 'HARD',
    limit: pico(100),
    extra: ZERO,
    carveOutBp: 0,
    posted: ZERO,
    held: ZERO,
    ...fields,
  };
}
/** Candidates as [balance id, amount] lists. */
function anAsk(
  candidates: readonly (readonly (readonly [number, number])[])[],
  more: Partial<ReadyAsk> = {},
): ReadyAsk {
  made += 1;
  return {
    holdId: `hold-${String(made)}`,
    orgId: 'org',
    requestId: `request-${String(made)}`,
    currency: 'USD',
    criticality: 'critical',
    openedAtMs: 0,
    expiresAtMs: 60_000,
    extends: null,
    candidates: candidates.map((lines, index): AskCandidate => ({
      deploymentId: `d${String(index)}`,
      served: { providerId: `p${String(index)}`, model: 'm' },
      worst: pico(Math.max(0, ...lines.map(([, amount]) => amount))),
      lines: lines.map(([balanceId, amount]) => ({ balanceId, metric: 'COST', amount: pico(amount), own: false })),
    })),
    ...more,
  };
}
const mapOf = (...balances: readonly Balance[]): Map<number, Balance> => new Map(balances.map((one) => [one.id, one]));
function settleOf(hold: Hold, amount: PicoUsd): Settle {
  const posted = { amount, tokens: 0, requests: 1, currency: hold.currency };
  return { hold, posted, servedDeployment: { providerId: 'p0', model: 'm' }, reason: 'settle' };
}
const kindOf = (balances: Map<number, Balance>, ask: ReadyAsk): string | undefined =>
  decideHolds(balances, { settles: [] }, [ask]).decisions.get(ask)?.kind;

describe('decideHolds', () => {
  it('holds at the limit and not one pico past it', () => {
    const balances = mapOf(aBalance({ id: 1, posted: pico(60), held: pico(30) }));
    expect(kindOf(balances, anAsk([[[1, 10]]]))).toBe('held');
    expect(kindOf(balances, anAsk([[[1, 11]]]))).toBe('contended');
    expect(kindOf(balances, anAsk([[[1, 41]]]))).toBe('exhausted');
  });

  it('applies every budget, never one instead of another', () => {
    const balances = mapOf(aBalance({ id: 1 }), aBalance({ id: 2, limit: pico(5) }));
    expect(
      kindOf(
        balances,
        anAsk([
          [
            [1, 6],
            [2, 6],
          ],
        ]),
      ),
    ).toBe('exhausted');
  });

  it('calls a candidate exhausted when one balance waits and another is spent', () => {
    const balances = mapOf(aBalance({ id: 1, held: pico(100) }), aBalance({ id: 2, posted: pico(100) }));
    const ask = anAsk([
      [
        [1, 1],
        [2, 1],
      ],
    ]);
    expect(decideHolds(balances, { settles: [] }, [ask]).decisions.get(ask)).toMatchObject({
      kind: 'exhausted',
      balanceId: 2,
    });
  });

  it('drops candidates that do not fit and refuses only when none does', () => {
    const balances = mapOf(aBalance({ id: 1 }));
    const ask = anAsk([[[1, 200]], [[1, 90]], [[1, 70]]]);
    const decision = decideHolds(balances, { settles: [] }, [ask]).decisions.get(ask);
    expect(decision).toMatchObject({
      kind: 'held',
      keep: ['d1', 'd2'],
      hold: { lines: [{ balanceId: 1, amount: 90n }] },
    });
  });

  it('keeps the carve-out for the upper two classes', () => {
    const balance = aBalance({ id: 1, carveOutBp: 2_000 });
    expect(CRITICALITIES.map((criticality) => capOf(balance, criticality))).toEqual([100n, 100n, 80n, 80n]);
    expect(kindOf(mapOf(balance), anAsk([[[1, 90]]], { criticality: 'sheddable' }))).toBe('exhausted');
    expect(kindOf(mapOf(balance), anAsk([[[1, 90]]]))).toBe('held');
  });

  it('lets SOFT and MONITOR pass and counts them', () => {
    for (const enforcement of ['SOFT', 'MONITOR'] as const) {
      const balances = mapOf(aBalance({ id: 1, enforcement }));
      const ask = anAsk([[[1, 500]]]);
      const { decisions, deltas } = decideHolds(balances, { settles: [] }, [ask]);
      expect(decisions.get(ask)?.kind).toBe('held');
      expect(deltas.get(1)?.held).toBe(500n);
    }
  });

  it('settles first, then asks by criticality and arrival', () => {
    const balances = mapOf(aBalance({ id: 1, held: pico(100) }));
    const old = holdOf(anAsk([[[1, 100]]]), anAsk([[[1, 100]]]).candidates);
    const low = anAsk([[[1, 60]]], { criticality: 'sheddable' });
    const high = anAsk([[[1, 60]]], { criticality: 'critical-plus' });
    const { decisions } = decideHolds(balances, { settles: [settleOf(old, pico(10))] }, [low, high]);
    expect(decisions.get(high)?.kind).toBe('held');
    expect(decisions.get(low)?.kind).toBe('contended');
  });

  it('at zero spend, parallel holds never cause 402', () => {
    const balances = mapOf(aBalance({ id: 1 }));
    const asks = Array.from({ length: 500 }, (_, index) => anAsk([[[1, 1 + (index % 100)]]]));
    const kinds = new Set([...decideHolds(balances, { settles: [] }, asks).decisions.values()].map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['held', 'contended']));
  });

  it('posts a PROVIDER budget only what its own provider served', () => {
    const line = { balanceId: 1, metric: 'COST' as const, amount: pico(9), only: [{ providerId: 'p0', model: 'm' }] };
    const hold: Hold = { ...holdOf(anAsk([[]]), []), lines: [line] };
    const settle = settleOf(hold, pico(7));
    expect(postedOn(line, settle)).toBe(7n);
    expect(postedOn(line, { ...settle, servedDeployment: { providerId: 'p1', model: 'm' } })).toBe(0n);
    const parts = [
      { deployment: { providerId: 'p0', model: 'm' }, amount: pico(2), tokens: 0, requests: 1 },
      { deployment: { providerId: 'p1', model: 'm' }, amount: pico(5), tokens: 0, requests: 1 },
    ];
    expect(postedOn(line, { ...settle, parts })).toBe(2n);
  });
});

interface Step {
  readonly asks: readonly (readonly [number, number])[];
  readonly share: number;
}
const enforcement = fc.constantFrom<Enforcement>('HARD', 'HARD', 'SOFT', 'MONITOR');
const world = fc.record({
  limits: fc.array(fc.tuple(fc.nat({ max: 500 }), enforcement, fc.nat({ max: 10_000 })), {
    minLength: 3,
    maxLength: 3,
  }),
  steps: fc.array(
    fc.record({
      asks: fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 200 })), { maxLength: 6 }),
      share: fc.nat({ max: 100 }),
    }),
    { maxLength: 12 },
  ),
});

/** Plays steps of asks and settlements; `inspect` sees each commit. Settles the oldest half of what is held, at `share` %. */
function play(
  balances: Map<number, Balance>,
  steps: readonly Step[],
  inspect: (balances: Map<number, Balance>) => void,
): void {
  let open: Hold[] = [];
  for (const { asks, share } of steps) {
    const ended = open.splice(0, Math.ceil(open.length / 2));
    const settles = ended.map((hold) => settleOf(hold, pico((hold.amount * BigInt(share)) / 100n)));
    const ready = asks.map(([which, amount]) =>
      anAsk(
        [
          [
            [1, amount],
            [2 + (which % 2), amount],
          ],
          [[1, Math.floor(amount / 2)]],
        ],
        {
          criticality: CRITICALITIES[which] ?? 'critical',
        },
      ),
    );
    const { decisions, deltas } = decideHolds(balances, { settles }, ready);
    for (const [id, { held, posted }] of deltas) {
      const balance = balances.get(id);
      if (balance === undefined) throw new Error('Unknown balance');
      balances.set(id, { ...balance, held: picoUsd(balance.held + held), posted: picoUsd(balance.posted + posted) });
    }
    for (const decision of decisions.values()) if (decision.kind === 'held') open = [...open, decision.hold];
    inspect(balances);
  }
}

describe('decideHolds over many flushes', () => {
  it('HARD: posted + held ≤ limit + extra at every commit, and held never falls below zero', () => {
    fc.assert(
      fc.property(world, ({ limits, steps }) => {
        const balances = mapOf(
          ...limits.map(([limit, kind, carveOutBp], index) =>
            aBalance({ id: index + 1, limit: pico(limit), enforcement: kind, carveOutBp }),
          ),
        );
        play(balances, steps, (now) => {
          for (const balance of now.values()) {
            expect(balance.held).toBeGreaterThanOrEqual(0n);
            if (balance.enforcement !== 'HARD') continue;
            expect(balance.posted + balance.held).toBeLessThanOrEqual(balance.limit + balance.extra);
          }
        });
      }),
    );
  });

  it('a refused call costs 0 and leaves held unchanged', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100 }),
        fc.nat({ max: 100 }),
        fc.integer({ min: 101, max: 500 }),
        (posted, held, amount) => {
          const balances = mapOf(aBalance({ id: 1, posted: pico(posted), held: pico(held) }));
          const ask = anAsk([[[1, amount]]]);
          const { decisions, deltas } = decideHolds(balances, { settles: [] }, [ask]);
          expect(decisions.get(ask)?.kind).not.toBe('held');
          expect(deltas.get(1)?.held ?? 0n).toBe(0n);
          expect(deltas.get(1)?.posted ?? 0n).toBe(0n);
        },
      ),
    );
  });

  it('same charges give the same posted, in one flush of many or in many of one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 40 }), (amounts) => {
        const holds = amounts.map((amount) => holdOf(anAsk([[[1, amount]]]), anAsk([[[1, amount]]]).candidates));
        const settles = holds.map((hold) => settleOf(hold, hold.amount));
        const balances = mapOf(aBalance({ id: 1 }));
        const together = decideHolds(balances, { settles }, []).deltas.get(1)?.posted ?? 0n;
        const apart = settles.reduce(
          (total, settle) => total + (decideHolds(balances, { settles: [settle] }, []).deltas.get(1)?.posted ?? 0n),
          0n,
        );
        expect(apart).toBe(together);
      }),
    );
  });

  it('changes nothing that it was given and decides alike twice', () => {
    const balance = Object.freeze(aBalance({ id: 1, held: pico(50) }));
    const asks = [anAsk([[[1, 30]]]), anAsk([[[1, 30]]])];
    const first = decideHolds(mapOf(balance), { settles: [] }, asks);
    expect(decideHolds(mapOf(balance), { settles: [] }, asks)).toEqual(first);
    expect(balance.held).toBe(50n);
  });
});
