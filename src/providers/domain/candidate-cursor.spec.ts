import { describe, expect, it } from '@jest/globals';

import type { FailureClass, UpstreamFailure } from '../adapters/failure.js';
import { FAILURE_CLASSES } from '../adapters/failure.js';
import { CandidateCursor, type MoveFacts } from './candidate-cursor.js';
import type { Deployment } from './deployment.js';
import { RetryBudget } from './retry-budget.js';

const aDeployment = (id: string, context = 1_000): Deployment =>
  ({ id, capabilities: { context } }) as unknown as Deployment;

const failure = (kind: FailureClass, more: Partial<UpstreamFailure> = {}): UpstreamFailure => ({
  class: kind,
  outcome: 'http_error',
  status: 500,
  vendorCode: null,
  publicMessage: 'x',
  billed: 'no',
  ...more,
});

const FACTS: MoveFacts = {
  otherCredential: false,
  attemptsLeft: 3,
  leftMs: 10_000,
  refusalMovesOn: false,
  random: 0.5,
  takeRetry: () => true,
};

const STOPPING: readonly FailureClass[] = ['caller', 'content_refused'];

describe('candidate cursor', () => {
  it.each(FAILURE_CLASSES.filter((kind) => !STOPPING.includes(kind) && kind !== 'stale_socket' && kind !== 'context'))(
    'goes to the next candidate after %s',
    (kind) => {
      const cursor = new CandidateCursor([aDeployment('a'), aDeployment('b')]);
      expect(cursor.failed(failure(kind), FACTS)).toEqual({ kind: 'next' });
      expect(cursor.current?.id).toBe('b');
    },
  );

  it.each(STOPPING)('stops after %s: the next one would refuse as well', (kind) => {
    const cursor = new CandidateCursor([aDeployment('a'), aDeployment('b')]);
    expect(cursor.failed(failure(kind), FACTS)).toEqual({ kind: 'stop' });
  });

  it('takes a 4xx that nobody knows to one more candidate, in case it is a peculiarity', () => {
    const cursor = new CandidateCursor([aDeployment('a'), aDeployment('b'), aDeployment('c')]);
    const odd = failure('caller', { status: 418 });
    expect(cursor.failed(odd, FACTS)).toEqual({ kind: 'next' });
    expect(cursor.failed(odd, FACTS)).toEqual({ kind: 'stop' });
    const known = failure('caller', { status: 422 });
    expect(new CandidateCursor([aDeployment('a'), aDeployment('b')]).failed(known, FACTS)).toEqual({ kind: 'stop' });
  });

  it('looks only at larger windows, or unknown ones, after a context failure', () => {
    const plan = [aDeployment('a', 100), aDeployment('b', 100), aDeployment('c', 50), aDeployment('d', 200)];
    const cursor = new CandidateCursor(plan);
    cursor.failed(failure('context'), FACTS);
    expect(cursor.current?.id).toBe('d');
    expect(cursor.failed(failure('context'), FACTS)).toEqual({ kind: 'stop' });
    const unknown = new CandidateCursor([aDeployment('a', 100), aDeployment('b', 0)]);
    unknown.failed(failure('context'), FACTS);
    expect(unknown.current?.id).toBe('b');
  });

  it('uses a connection of its own once after a stale socket', () => {
    const cursor = new CandidateCursor([aDeployment('a'), aDeployment('b')]);
    expect(cursor.failed(failure('stale_socket'), FACTS)).toEqual({ kind: 'again', fresh: true, waitMs: 0 });
    expect(cursor.failed(failure('stale_socket'), FACTS)).toEqual({ kind: 'next' });
  });

  it('tries the other credential before the next candidate', () => {
    const cursor = new CandidateCursor([aDeployment('a'), aDeployment('b')]);
    const move = cursor.failed(failure('credential'), { ...FACTS, otherCredential: true });
    expect(move).toEqual({ kind: 'again', fresh: false, waitMs: 0 });
    expect(cursor.current?.id).toBe('a');
  });

  it('repeats a lone deployment twice at most, with growing jitter', () => {
    const cursor = new CandidateCursor([aDeployment('a')]);
    expect(cursor.failed(failure('server'), FACTS)).toEqual({ kind: 'again', fresh: false, waitMs: 50 });
    expect(cursor.failed(failure('server'), FACTS)).toEqual({ kind: 'again', fresh: false, waitMs: 100 });
    expect(cursor.failed(failure('server'), FACTS)).toEqual({ kind: 'stop' });
  });

  it('keeps to Retry-After, and stops when it comes too late', () => {
    const busy = failure('rate_limited', { retryAfterMs: 2_000 });
    expect(new CandidateCursor([aDeployment('a')]).failed(busy, FACTS)).toMatchObject({ waitMs: 2_000 });
    const late = { ...FACTS, leftMs: 2_000 };
    expect(new CandidateCursor([aDeployment('a')]).failed(busy, late)).toEqual({ kind: 'stop' });
    const two = new CandidateCursor([aDeployment('a'), aDeployment('b')]);
    expect(two.failed(busy, FACTS)).toEqual({ kind: 'next' });
  });

  it('repeats nothing that may have been billed, nothing beyond the budget, nothing beyond the limit of attempts', () => {
    const alone = (more: Partial<UpstreamFailure>, facts: Partial<MoveFacts>): unknown =>
      new CandidateCursor([aDeployment('a')]).failed(failure('server', more), { ...FACTS, ...facts });
    expect(alone({ billed: 'maybe' }, {})).toEqual({ kind: 'stop' });
    expect(alone({}, { takeRetry: () => false })).toEqual({ kind: 'stop' });
    expect(alone({}, { attemptsLeft: 0 })).toEqual({ kind: 'stop' });
  });
});

describe('retry budget', () => {
  it('allows three retries at least and a fifth of the requests at most', () => {
    const budget = new RetryBudget();
    expect([1, 2, 3, 4].map(() => budget.take(0))).toEqual([true, true, true, false]);
    for (let count = 0; count < 50; count += 1) budget.request(100);
    const more = Array.from({ length: 10 }, () => budget.take(200)).filter(Boolean);
    expect(more).toHaveLength(7);
  });

  it('forgets after two windows', () => {
    const budget = new RetryBudget();
    for (let count = 0; count < 3; count += 1) budget.take(0);
    expect(budget.take(9_999)).toBe(false);
    expect(budget.take(20_000)).toBe(true);
    expect(budget.isIdle(50_000)).toBe(true);
  });
});
