import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { QuotaPolicy } from './quota.js';
import { QuotaTable, type Gauge, type QuotaAsk, type Taken } from './quota-table.js';

const WINDOW_S = 60;

function aPolicy(fields: Partial<QuotaPolicy>): QuotaPolicy {
  return {
    id: 'p',
    orgId: 'o',
    name: 'quota',
    subject: { type: 'USER', id: null },
    metric: 'REQUESTS',
    limit: 10,
    windowSeconds: WINDOW_S,
    burst: fields.limit ?? 10,
    models: null,
    managedBy: 'ui',
    version: 1,
    ...fields,
  };
}

const gauge = (fields: Partial<QuotaPolicy>, extra = 0): Gauge => ({ policy: aPolicy(fields), subjectId: 'u', extra });
const REQUESTS = gauge({ id: 'r', limit: 10, burst: 4 });
const TOKENS = gauge({ id: 't', metric: 'TOKENS', limit: 1_000, burst: 400 });
const SLOTS = gauge({ id: 'c', metric: 'CONCURRENCY', limit: 2, burst: 2, windowSeconds: 0 });

const ask = (gauges: readonly Gauge[], nowMs: number, fields: Partial<QuotaAsk> = {}): QuotaAsk => ({
  gauges,
  tokens: 0,
  deadlineAtMs: nowMs + 30_000,
  nowMs,
  ...fields,
});

function admitted(table: QuotaTable, wish: QuotaAsk): Taken {
  const answer = table.admit(wish);
  if ('refusal' in answer) throw new Error('refused');
  return answer.taken;
}

/** Most units that any window holds, counted at the instant of admission. */
function mostInAnyWindow(passed: readonly { atMs: number; units: number }[]): number {
  let most = 0;
  for (const { atMs: fromMs } of passed) {
    let sum = 0;
    for (const { atMs, units } of passed) if (atMs >= fromMs && atMs <= fromMs + WINDOW_S * 1000) sum += units;
    most = Math.max(most, sum);
  }
  return most;
}

const arrivals = fc.array(
  fc.record({ gapMs: fc.nat(8_000), tokens: fc.nat(450), actual: fc.nat(450), doneAfterMs: fc.nat(20_000) }),
  { maxLength: 80 },
);

describe('QuotaTable', () => {
  it('never above limit and burst in any window, requests and tokens', () => {
    fc.assert(
      fc.property(arrivals, (steps) => {
        const table = new QuotaTable();
        const passed: { atMs: number; tokens: number }[] = [];
        let nowMs = 1_700_000_000_000;
        for (const { gapMs, tokens } of steps) {
          nowMs += gapMs;
          if ('taken' in table.admit(ask([REQUESTS, TOKENS], nowMs, { tokens }))) passed.push({ atMs: nowMs, tokens });
        }
        expect(mostInAnyWindow(passed.map(({ atMs }) => ({ atMs, units: 1 })))).toBeLessThanOrEqual(14);
        expect(mostInAnyWindow(passed.map(({ atMs, tokens }) => ({ atMs, units: tokens })))).toBeLessThanOrEqual(1_400);
      }),
    );
  });

  it('never above limit and burst in any window when estimates are corrected downwards', () => {
    fc.assert(
      fc.property(arrivals, (steps) => {
        const table = new QuotaTable();
        const used: { atMs: number; units: number }[] = [];
        const running: { taken: Taken; doneAtMs: number; actual: number; entry: { units: number } }[] = [];
        let nowMs = 1_700_000_000_000;
        for (const { gapMs, tokens, actual, doneAfterMs } of steps) {
          nowMs += gapMs;
          for (const run of running.filter(({ doneAtMs }) => doneAtMs <= nowMs)) {
            table.correct(run.taken, run.actual, nowMs, () => true);
            run.entry.units = run.actual;
            running.splice(running.indexOf(run), 1);
          }
          const answer = table.admit(ask([TOKENS], nowMs, { tokens }));
          if ('refusal' in answer) continue;
          const entry = { atMs: nowMs, units: tokens };
          used.push(entry);
          running.push({ taken: answer.taken, doneAtMs: nowMs + doneAfterMs, actual: Math.min(actual, tokens), entry });
          // What is still estimated may be given back later: count only what is certain.
          const certain = used.map((one) => ({ ...one }));
          for (const { entry: open, actual: least } of running) {
            const copy = certain[used.indexOf(open as (typeof used)[number])];
            if (copy !== undefined) copy.units = least;
          }
          expect(mostInAnyWindow(certain)).toBeLessThanOrEqual(1_400 + 1e-6);
        }
      }),
    );
  });

  it('refusal takes nothing from any limit', () => {
    fc.assert(
      fc.property(arrivals, (steps) => {
        const table = new QuotaTable();
        let nowMs = 1_700_000_000_000;
        for (const { gapMs, tokens } of steps) {
          nowMs += gapMs;
          const gauges = [REQUESTS, TOKENS, SLOTS];
          const before = gauges.map((one) => table.read(one, nowMs));
          const answer = table.admit(ask(gauges, nowMs, { tokens, deadlineAtMs: nowMs + 3_000 }));
          if ('refusal' in answer) expect(gauges.map((one) => table.read(one, nowMs))).toEqual(before);
        }
      }),
    );
  });

  it('says exactly when the same request fits', () => {
    fc.assert(
      fc.property(arrivals, (steps) => {
        const table = new QuotaTable();
        let nowMs = 1_700_000_000_000;
        for (const { gapMs, tokens } of steps) {
          nowMs += gapMs;
          const wish = ask([TOKENS], nowMs, { tokens });
          const answer = table.admit(wish);
          if ('taken' in answer) continue;
          const { retryAfterMs } = answer.refusal;
          if (retryAfterMs === null) {
            expect(tokens).toBeGreaterThan(400);
            continue;
          }
          expect(table.probe({ ...wish, nowMs: nowMs + retryAfterMs })).toBeUndefined();
          expect(table.probe({ ...wish, nowMs: nowMs + Math.max(0, retryAfterMs - 2) })).toBeDefined();
        }
      }),
    );
  });

  it('gives slots back at their release, and by itself at the deadline', () => {
    const table = new QuotaTable();
    const first = admitted(table, ask([SLOTS], 0, { deadlineAtMs: 5_000 }));
    admitted(table, ask([SLOTS], 0, { deadlineAtMs: 9_000 }));
    expect(table.admit(ask([SLOTS], 1_000))).toMatchObject({ refusal: { retryAfterMs: 1_000 } });
    table.release(first);
    admitted(table, ask([SLOTS], 1_000, { deadlineAtMs: 4_000 }));
    expect('refusal' in table.admit(ask([SLOTS], 3_999))).toBe(true);
    admitted(table, ask([SLOTS], 4_000));
    expect(table.read(SLOTS, 4_000)).toMatchObject({ used: 2, remaining: 0, limit: 2 });
  });

  it('takes the difference when more was used than estimated', () => {
    const table = new QuotaTable();
    const taken = admitted(table, ask([TOKENS], 0, { tokens: 100 }));
    expect(table.read(TOKENS, 0)).toMatchObject({ used: 0, reserved: 100, remaining: 300 });
    table.correct(taken, 350, 0, () => true);
    expect(table.read(TOKENS, 0)).toMatchObject({ used: 350, reserved: 0, remaining: 50 });
  });

  it('gives everything back to a policy that the served model does not count under', () => {
    const table = new QuotaTable();
    const only = gauge({ id: 'm', metric: 'TOKENS', limit: 1_000, burst: 400, models: ['a'] });
    const taken = admitted(table, ask([TOKENS, only], 0, { tokens: 300 }));
    table.correct(taken, 200, 0, (policy) => policy.models === null);
    expect(table.read(only, 0).remaining).toBe(400);
    expect(table.read(TOKENS, 0).remaining).toBe(200);
  });

  it('lets more through while an override adds to the limit, and says that it was needed', () => {
    const table = new QuotaTable();
    const raised: Gauge = { ...REQUESTS, extra: 4 };
    const needed = Array.from({ length: 8 }, () => admitted(table, ask([raised], 0)).beyond.has('REQUESTS'));
    expect(needed).toEqual([false, false, false, false, true, true, true, true]);
    expect('refusal' in table.admit(ask([raised], 0))).toBe(true);
    expect(table.probe(ask([REQUESTS], 0))).toMatchObject({ retryAfterMs: 30_000 });
  });

  it('names the limit that waits longest', () => {
    const table = new QuotaTable();
    const daily = gauge({ id: 'd', limit: 1, burst: 1, windowSeconds: 86_400 });
    admitted(table, ask([SLOTS, daily], 0));
    expect(table.probe(ask([SLOTS, daily], 0))).toMatchObject({ gauge: daily, retryAfterMs: 86_400_000 });
  });

  it('forgets idle limits instead of growing', () => {
    const table = new QuotaTable(10);
    for (let user = 0; user < 100; user++) {
      admitted(table, ask([{ ...REQUESTS, subjectId: String(user) }], user * 60_000));
    }
    expect(table.size).toBeLessThanOrEqual(10);
  });
});
