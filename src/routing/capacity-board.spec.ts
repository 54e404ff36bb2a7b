import { describe, expect, it } from '@jest/globals';

import { aDeployment } from '../../test/support/routing-builders.js';
import { Clock } from '../platform/clock/index.js';
import type { AttemptRecord, LimitObservation } from '../providers/index.js';
import { CapacityBoard } from './capacity-board.js';
import type { BreakerChange } from './domain/deployment-capacity.js';

class StoppedClock extends Clock {
  constructor(public at = 0) {
    super();
  }
  override nowMs(): number {
    return this.at;
  }
  override nowMicros(): number {
    return this.at * 1_000;
  }
  override monotonicMs(): number {
    return this.at;
  }
  override after(): () => void {
    return () => undefined;
  }
}

const deployment = aDeployment({ limits: { maxConcurrent: 2 } });

function anAttempt(endedAtMs: number, fields: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    n: 1,
    deployment,
    credentialId: null,
    startedAtMs: endedAtMs - 100,
    endedAtMs,
    ttftMs: 40,
    durationMs: 100,
    outcome: 'ok',
    failureClass: null,
    status: 200,
    vendorCode: null,
    publicMessage: null,
    retryAfterMs: null,
    blameless: false,
    committed: true,
    continues: null,
    billed: 'yes',
    usage: null,
    usageSource: 'none',
    answeredModel: null,
    billedTier: null,
    received: { textBytes: 0, reasoningBytes: 0 },
    sentBytes: 0,
    inputTimes: 1,
    unreported: null,
    ...fields,
  };
}

const FAILED = { outcome: 'connect_error', failureClass: 'connect', ttftMs: null } as const;

function opened(): CapacityBoard {
  const board = new CapacityBoard(new StoppedClock());
  for (const atMs of [0, 1, 2]) board.observed(deployment, anAttempt(atMs, FAILED), []);
  return board;
}

describe('CapacityBoard', () => {
  it('gives as many permits as the deployment may have attempts, and takes each back once', () => {
    const board = new CapacityBoard(new StoppedClock());
    const first = board.admit(deployment, 0);
    board.admit(deployment, 0);
    expect(board.admit(deployment, 0)).toMatchObject({ ok: false, reason: 'upstream_limit' });
    if (!first.ok) throw new Error('refused');
    first.release();
    first.release();
    expect(board.capacity([deployment])[0]).toMatchObject({ inFlight: 1, concurrencyLimit: 2 });
    expect(board.admit(deployment, 0).ok).toBe(true);
  });

  it('opens the breaker of a lone deployment too, and says when to come back', () => {
    const board = opened();
    const refusal = board.admit(deployment, 3);
    expect(refusal).toMatchObject({ ok: false, reason: 'breaker_open' });
    expect(!refusal.ok && refusal.retryAfterMs).toBeGreaterThan(500);
    expect(board.live(deployment, 3, 0)).toMatchObject({ refusal: 'breaker_open', ramp: 0 });
    expect(board.capacity([deployment])[0]).toMatchObject({ breaker: 'open', health: 'failing' });
  });

  it('lets one trial at a time through when the wait is over', () => {
    const board = opened();
    const trial = board.admit(deployment, 5_000);
    expect(trial.ok).toBe(true);
    expect(board.admit(deployment, 5_000)).toMatchObject({ ok: false, reason: 'breaker_open' });
    if (!trial.ok) throw new Error('refused');
    trial.release();
    board.observed(deployment, anAttempt(5_100), []);
    expect(board.admit(deployment, 5_200).ok).toBe(true);
  });

  it('announces each change of a breaker once', () => {
    const changes: BreakerChange[] = [];
    const board = new CapacityBoard(new StoppedClock());
    board.onBreakerChange((change) => changes.push(change));
    for (const atMs of [0, 1, 2, 3, 4]) board.observed(deployment, anAttempt(atMs, FAILED), []);
    expect(changes.map(({ from, to }) => [from, to])).toEqual([['closed', 'open']]);
  });

  it('counts only failures of the partner', () => {
    const board = new CapacityBoard(new StoppedClock());
    const neutral = ['rate_limited', 'quota_exhausted', 'caller', 'context', 'unsupported'];
    for (const [n, failureClass] of neutral.entries()) {
      board.observed(deployment, anAttempt(n * 2_000, { outcome: 'http_error', failureClass }), []);
    }
    expect(board.capacity([deployment])[0]?.breaker).toBe('closed');
  });

  it('holds calls back until a reported limit resets', () => {
    const board = new CapacityBoard(new StoppedClock());
    const spent: LimitObservation = {
      scope: 'deployment',
      unit: 'requests',
      limit: 60,
      remaining: 1,
      resetsAtMs: 30_000,
      source: 'header',
    };
    board.observed(deployment, anAttempt(1_000), [spent]);
    const last = board.admit(deployment, 1_001);
    if (!last.ok) throw new Error('refused');
    last.release();
    expect(board.admit(deployment, 1_002)).toEqual({ ok: false, reason: 'upstream_limit', retryAfterMs: 28_998 });
    expect(board.admit(deployment, 30_000).ok).toBe(true);
  });

  it('waits a second after a rate limit that says nothing', () => {
    const board = new CapacityBoard(new StoppedClock());
    board.observed(deployment, anAttempt(0, { outcome: 'rate_limited', failureClass: 'rate_limited' }), []);
    expect(board.admit(deployment, 999)).toMatchObject({ ok: false, reason: 'upstream_limit' });
    expect(board.admit(deployment, 1_000).ok).toBe(true);
  });

  it('takes a deployment out whose credentials were refused twice', () => {
    const board = new CapacityBoard(new StoppedClock());
    const refused = { outcome: 'http_error', failureClass: 'credential' } as const;
    board.observed(deployment, anAttempt(0, refused), []);
    expect(board.live(deployment, 0, 0).credentialRefused).toBe(false);
    board.observed(deployment, anAttempt(1, refused), []);
    expect(board.live(deployment, 2, 0).credentialRefused).toBe(true);
    expect(board.live(deployment, 60_002, 0).credentialRefused).toBe(false);
  });

  it('finds what is silent, and forgets what is gone', () => {
    const clock = new StoppedClock(40_000);
    const board = new CapacityBoard(clock);
    const other = aDeployment({ model: 'other' });
    board.observed(deployment, anAttempt(30_000), []);
    expect(board.quiet([deployment, other], 20_000)).toEqual([other]);
    board.keep([]);
    expect(board.quiet([deployment], 20_000)).toEqual([deployment]);
  });
});
