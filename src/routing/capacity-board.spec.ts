import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { anAttempt, StoppedClock } from '../../test/support/capacity-rig.js';
import { aDeployment } from '../../test/support/routing-builders.js';
import type { AttemptAsk, AttemptPermit, Deployment, LimitObservation } from '../providers/index.js';
import { CapacityBoard } from './capacity-board.js';
import type { BreakerChange } from './domain/deployment-capacity.js';

/** A vendor whose limits start anew with each window. */
const deployment = aDeployment({ vendor: 'mistral', limits: { maxConcurrent: 2 } });

const FAILED = { outcome: 'connect_error', failureClass: 'connect', ttftMs: null } as const;

function ask(atMs: number, fields: Partial<AttemptAsk> = {}): AttemptAsk {
  return {
    atMs,
    credentialIds: [null],
    inputTokens: 10,
    outputTokens: 100,
    criticality: 'critical',
    isFailover: false,
    claim: null,
    ...fields,
  };
}

function boardWith(...deployments: readonly Deployment[]): CapacityBoard {
  const board = new CapacityBoard(new StoppedClock());
  board.keep(deployments);
  return board;
}

function granted(permit: ReturnType<CapacityBoard['admit']>): AttemptPermit {
  if (!permit.ok) throw new Error(`Refused: ${permit.reason}`);
  return permit;
}

function opened(): CapacityBoard {
  const board = boardWith(deployment);
  for (const atMs of [0, 1, 2]) board.observed(deployment, anAttempt(atMs, FAILED), []);
  return board;
}

const spentAt = (resetsAtMs: number, remaining = 0): LimitObservation => ({
  scope: 'deployment',
  unit: 'requests',
  limit: 60,
  remaining,
  resetsAtMs,
  source: 'header',
});

describe('permits', () => {
  it('gives as many as the deployment may have attempts, and takes each back once', () => {
    const board = boardWith(deployment);
    const first = granted(board.admit(deployment, ask(0)));
    board.admit(deployment, ask(0));
    expect(board.admit(deployment, ask(0))).toMatchObject({ ok: false, reason: 'upstream_limit' });
    first.release();
    first.release();
    expect(board.capacity(deployment, [null])).toMatchObject({ inFlight: 1, concurrencyLimit: 2 });
    expect(board.admit(deployment, ask(0)).ok).toBe(true);
  });

  it('lets a call that failed elsewhere go past the adaptive limit, never past the maximum', () => {
    const wide = aDeployment({ limits: { maxConcurrent: 10 } });
    const board = boardWith(wide);
    for (let n = 0; n < 8; n += 1) granted(board.admit(wide, ask(0)));
    expect(board.admit(wide, ask(0)).ok).toBe(false);
    granted(board.admit(wide, ask(0, { isFailover: true })));
    granted(board.admit(wide, ask(0, { isFailover: true })));
    expect(board.admit(wide, ask(0, { isFailover: true }))).toMatchObject({ ok: false, reason: 'upstream_limit' });
  });

  it('keeps a claimed permit for the attempt it was made for, and gives it back at another deployment', () => {
    const other = aDeployment({ providerName: 'other' });
    const board = boardWith(deployment, other);
    const claim = board.claim(deployment, ask(0)) ?? null;
    granted(board.admit(deployment, ask(0)));
    expect(board.claim(deployment, ask(0))).toBeUndefined();
    granted(board.admit(deployment, ask(0, { claim })));
    expect(board.capacity(deployment, [null]).inFlight).toBe(2);
    const second = board.claim(other, ask(0)) ?? null;
    expect(board.capacity(other, [null]).inFlight).toBe(1);
    board.admit(deployment, ask(0, { claim: second }));
    expect(board.capacity(other, [null]).inFlight).toBe(0);
  });

  it('gives a claim back that nobody used', () => {
    const board = boardWith(deployment);
    board.claim(deployment, ask(0))?.[Symbol.dispose]();
    expect(board.capacity(deployment, [null]).inFlight).toBe(0);
  });
});

describe('what one class may fill of a deployment', () => {
  const wide = aDeployment({ vendor: 'mistral', limits: { maxConcurrent: 8 } });

  it.each([
    ['sheddable', 5],
    ['sheddable-plus', 7],
    ['critical', 8],
  ] as const)('%s: %i of 8 attempts at once', (criticality, most) => {
    const board = boardWith(wide);
    let count = 0;
    while (board.admit(wide, ask(0, { criticality })).ok) count += 1;
    expect(count).toBe(most);
    expect(board.live(wide, ask(0, { criticality })).refusal).toBe('upstream_limit');
  });

  it('does not bind a call that failed elsewhere', () => {
    const board = boardWith(wide);
    while (board.admit(wide, ask(0, { criticality: 'sheddable' })).ok);
    expect(board.admit(wide, ask(0, { criticality: 'sheddable', isFailover: true })).ok).toBe(true);
  });

  it('counts the use by the end of the window for classes that make room, once there is a rate', () => {
    const board = boardWith(wide);
    board.observed(wide, anAttempt(0), [spentAt(60_000, 58)]);
    const offer = (atMs: number): void => {
      granted(board.admit(wide, ask(atMs))).release();
      board.observed(wide, anAttempt(atMs), []);
    };
    for (let n = 0; n < 5; n += 1) offer(1_000 + n);
    expect(board.live(wide, ask(2_000, { criticality: 'sheddable' })).refusal).toBeNull();
    for (let n = 0; n < 15; n += 1) offer(9_000 + n);
    expect(board.live(wide, ask(11_000, { criticality: 'sheddable' })).refusal).toBe('upstream_limit');
    expect(board.live(wide, ask(11_000, { criticality: 'critical' })).refusal).toBeNull();
  });
});

describe('the breaker', () => {
  it('opens for a lone deployment too, and says when to come back', () => {
    const board = opened();
    const refusal = board.admit(deployment, ask(3));
    expect(refusal).toMatchObject({ ok: false, reason: 'breaker_open' });
    expect(!refusal.ok && refusal.retryAfterMs).toBeGreaterThan(500);
    expect(board.live(deployment, ask(3))).toMatchObject({ refusal: 'breaker_open', ramp: 0 });
    expect(board.capacity(deployment, [null])).toMatchObject({ breaker: 'open', health: 'failing' });
  });

  it('lets one trial at a time through when the wait is over', () => {
    const board = opened();
    const trial = granted(board.admit(deployment, ask(5_000)));
    expect(board.admit(deployment, ask(5_000))).toMatchObject({ ok: false, reason: 'breaker_open' });
    trial.release();
    board.observed(deployment, anAttempt(5_100), []);
    expect(board.admit(deployment, ask(5_200)).ok).toBe(true);
  });

  it('makes a newcomer begin with a tenth of its share', () => {
    const board = boardWith(deployment);
    const newcomer = aDeployment({ providerName: 'newcomer' });
    board.keep([deployment, newcomer]);
    expect(board.capacity(newcomer, [null])).toMatchObject({ breaker: 'ramp', concurrencyLimit: 1 });
    granted(board.admit(newcomer, ask(0)));
    expect(board.admit(newcomer, ask(0))).toMatchObject({ ok: false, reason: 'upstream_limit' });
  });

  it('announces each change once', () => {
    const changes: BreakerChange[] = [];
    const board = boardWith(deployment);
    board.listen({ breakerChanged: (change) => changes.push(change) });
    for (const atMs of [0, 1, 2, 3, 4]) board.observed(deployment, anAttempt(atMs, FAILED), []);
    expect(changes.map(({ from, to }) => [from, to])).toEqual([['closed', 'open']]);
  });

  it('counts only failures of the partner', () => {
    const board = boardWith(deployment);
    const neutral = ['rate_limited', 'quota_exhausted', 'caller', 'context', 'unsupported'];
    for (const [n, failureClass] of neutral.entries()) {
      board.observed(deployment, anAttempt(n * 2_000, { outcome: 'http_error', failureClass }), []);
    }
    expect(board.capacity(deployment, [null]).breaker).toBe('closed');
  });

  it('never admits while it is open, whatever happened before', () => {
    const failures = fc.array(fc.tuple(fc.boolean(), fc.nat(8_000), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(failures, (steps) => {
        const clock = new StoppedClock();
        const board = new CapacityBoard(clock);
        board.keep([deployment]);
        for (const [fails, gap, isFailover] of steps) {
          clock.at += gap;
          const before = board.findLane(deployment.id, null)?.breaker;
          const permit = board.admit(deployment, ask(clock.at, { isFailover }));
          if (before?.kind === 'open' && clock.at < before.untilMs) expect(permit.ok).toBe(false);
          if (!permit.ok) continue;
          permit.release();
          board.observed(deployment, anAttempt(clock.at, fails ? FAILED : {}), []);
        }
      }),
    );
  });

  it('opens after three failed probes of one that nobody calls; a probe that succeeds never closes it', () => {
    const board = boardWith(deployment);
    board.probed(deployment, null, false);
    board.probed(deployment, null, false);
    expect(board.capacity(deployment, [null]).breaker).toBe('closed');
    board.probed(deployment, null, false);
    expect(board.capacity(deployment, [null]).breaker).toBe('open');
    board.probed(deployment, null, true);
    expect(board.capacity(deployment, [null]).breaker).not.toBe('closed');
  });
});

describe('several credentials', () => {
  const two = aDeployment({ credentialIds: ['a', 'b'] });
  const both = { credentialIds: ['a', 'b'] };

  it('have a breaker each: one that fails does not stop the other', () => {
    const board = boardWith(two);
    for (const atMs of [0, 1, 2]) board.observed(two, anAttempt(atMs, { ...FAILED, credentialId: 'a' }), []);
    expect(granted(board.admit(two, ask(3, both))).credentialId).toBe('b');
    expect(board.capacity(two, ['a', 'b'])).toMatchObject({ breaker: 'closed' });
    for (const atMs of [3, 4, 5]) board.observed(two, anAttempt(atMs, { ...FAILED, credentialId: 'b' }), []);
    expect(board.admit(two, ask(6, both))).toMatchObject({ ok: false, reason: 'breaker_open' });
  });

  it('are chosen by headroom', () => {
    const board = boardWith(two);
    const limit = (remaining: number): LimitObservation => ({ ...spentAt(60_000, remaining), scope: 'credential' });
    board.observed(two, anAttempt(1, { credentialId: 'a' }), [limit(5)]);
    board.observed(two, anAttempt(2, { credentialId: 'b' }), [limit(50)]);
    expect(granted(board.admit(two, ask(3, both))).credentialId).toBe('b');
    board.observed(two, anAttempt(4, { credentialId: 'b' }), [limit(0)]);
    expect(granted(board.admit(two, ask(5, both))).credentialId).toBe('a');
  });

  it('share a limit where two deployments of one upstream model use the same account', () => {
    const europe = aDeployment({ id: 'eu', credentialIds: ['a'] });
    const america = aDeployment({ id: 'us', credentialIds: ['a'] });
    const board = boardWith(europe, america);
    board.observed(europe, anAttempt(1, { credentialId: 'a' }), [{ ...spentAt(60_000), scope: 'credential' }]);
    expect(board.admit(america, ask(2, { credentialIds: ['a'] }))).toMatchObject({
      ok: false,
      reason: 'upstream_limit',
    });
  });
});

describe('limits', () => {
  it('hold calls back until they reset', () => {
    const board = boardWith(deployment);
    board.observed(deployment, anAttempt(1_000), [spentAt(30_000, 1)]);
    granted(board.admit(deployment, ask(1_001))).release();
    board.observed(deployment, anAttempt(1_002), []);
    expect(board.admit(deployment, ask(1_002))).toEqual({ ok: false, reason: 'upstream_limit', retryAfterMs: 28_998 });
    expect(board.admit(deployment, ask(30_000)).ok).toBe(true);
  });

  it('keep the last tenth for critical calls', () => {
    const board = boardWith(deployment);
    board.observed(deployment, anAttempt(1_000), [spentAt(30_000, 6)]);
    const refused = board.admit(deployment, ask(1_001, { criticality: 'sheddable-plus' }));
    expect(refused).toMatchObject({ ok: false, reason: 'upstream_limit' });
    expect(board.admit(deployment, ask(1_001, { criticality: 'critical' })).ok).toBe(true);
  });

  it('are those of the row where the vendor reports none', () => {
    const own = aDeployment({ limits: { requestsPerMinute: 2 } });
    const board = boardWith(own);
    for (const atMs of [0, 1]) {
      granted(board.admit(own, ask(atMs))).release();
      board.observed(own, anAttempt(atMs), []);
    }
    expect(board.admit(own, ask(2))).toMatchObject({ ok: false, reason: 'upstream_limit' });
    expect(board.capacity(own, [null]).limits).toMatchObject([
      { unit: 'requests', limit: 2, used: 2, remaining: 0, source: 'configured', windowMs: 60_000 },
    ]);
    expect(board.admit(own, ask(61_500)).ok).toBe(true);
  });

  it('reserve the estimated tokens of running calls', () => {
    const own = aDeployment({ limits: { tokensPerMinute: 500 } });
    const board = boardWith(own);
    granted(board.admit(own, ask(0, { inputTokens: 200, outputTokens: 100 })));
    expect(board.admit(own, ask(0, { inputTokens: 200, outputTokens: 100 }))).toMatchObject({
      reason: 'upstream_limit',
    });
    expect(board.capacity(own, [null]).limits).toMatchObject([{ unit: 'tokens', reserved: 300, remaining: 200 }]);
  });

  it('are learned from a rate limit that says nothing, after a second without calls', () => {
    const board = boardWith(deployment);
    for (let n = 0; n < 7; n += 1) {
      granted(board.admit(deployment, ask(n))).release();
      board.observed(deployment, anAttempt(n), []);
    }
    granted(board.admit(deployment, ask(10))).release();
    board.observed(
      deployment,
      anAttempt(10, { outcome: 'rate_limited', failureClass: 'rate_limited', status: 429 }),
      [],
    );
    expect(board.admit(deployment, ask(11))).toMatchObject({ ok: false, reason: 'upstream_limit' });
    expect(board.capacity(deployment, [null]).limits).toMatchObject([
      { unit: 'requests', limit: 7, source: 'learned' },
    ]);
    expect(board.admit(deployment, ask(62_000)).ok).toBe(true);
  });

  it('wait as long as a rate limit asks', () => {
    const board = boardWith(deployment);
    const limited = {
      outcome: 'rate_limited',
      failureClass: 'rate_limited',
      status: 429,
      retryAfterMs: 5_000,
    } as const;
    board.observed(deployment, anAttempt(0, limited), []);
    expect(board.admit(deployment, ask(4_999))).toMatchObject({ ok: false, retryAfterMs: 1 });
    expect(board.admit(deployment, ask(5_000)).ok).toBe(true);
  });

  it('show when they will be used up at the present rate', () => {
    const own = aDeployment({ vendor: 'mistral' });
    const clock = new StoppedClock(10_000);
    const board = new CapacityBoard(clock);
    board.keep([own]);
    for (let n = 0; n < 10; n += 1) {
      granted(board.admit(own, ask(n * 1_000))).release();
      board.observed(own, anAttempt(n * 1_000 + 1), [spentAt(60_000, 19 - n)]);
    }
    const [limit] = board.capacity(own, [null]).limits;
    expect(limit).toMatchObject({ limit: 60, remaining: 10, used: 50 });
    expect(limit?.exhaustsInMs).toBeGreaterThan(8_000);
    expect(limit?.exhaustsInMs).toBeLessThan(13_000);
  });
});

describe('what nobody heard of', () => {
  it('is found, and what is gone is forgotten', () => {
    const clock = new StoppedClock(40_000);
    const board = new CapacityBoard(clock);
    const other = aDeployment({ model: 'other' });
    board.observed(deployment, anAttempt(30_000), []);
    expect([board.quiet(deployment, 20_000), board.quiet(other, 20_000)]).toEqual([[], [null]]);
    board.keep([]);
    expect(board.quiet(deployment, 20_000)).toEqual([null]);
  });

  it('is taken out when its partner does not know it, until a probe succeeds', () => {
    const board = boardWith(deployment);
    board.observed(deployment, anAttempt(0, { outcome: 'http_error', failureClass: 'not_found', status: 404 }), []);
    expect(board.admit(deployment, ask(1)).ok).toBe(false);
    board.probed(deployment, null, true);
    expect(board.admit(deployment, ask(2)).ok).toBe(true);
  });
});

describe('a deployment that changed', () => {
  const drained: Deployment = { ...deployment, state: 'draining', version: deployment.version + 1 };
  const back: Deployment = { ...deployment, version: deployment.version + 2 };

  it('begins with single trials when it is back in service, then takes its share step by step', () => {
    const board = boardWith(deployment);
    board.keep([drained]);
    board.keep([back]);
    const trial = granted(board.admit(back, ask(0)));
    expect(board.admit(back, ask(0))).toMatchObject({ ok: false, reason: 'breaker_open' });
    for (const atMs of [1, 2]) board.observed(back, anAttempt(atMs), []);
    trial.release();
    expect(board.capacity(back, [null]).breaker).toBe('ramp');
  });

  it('is not taken for one that is back when only its weight changed', () => {
    const board = boardWith(deployment);
    board.keep([{ ...back, weight: 7 }]);
    expect(board.capacity(back, [null]).breaker).toBe('closed');
  });

  it('is measured anew at another address, and a breaker that is open stays so', () => {
    const board = boardWith(deployment);
    board.observed(deployment, anAttempt(0), []);
    expect(board.capacity(deployment, [null]).ttftMs).not.toBeNull();
    const moved = { ...back, baseUrl: 'https://elsewhere.example/v1' };
    board.keep([moved]);
    expect(board.capacity(moved, [null]).ttftMs).toBeNull();
    const failing = opened();
    failing.keep([drained]);
    failing.keep([back]);
    expect(failing.capacity(back, [null]).breaker).toBe('open');
  });
});
