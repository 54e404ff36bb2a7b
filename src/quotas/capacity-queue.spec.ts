import { describe, expect, it } from '@jest/globals';

import { Clock } from '../platform/clock/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Criticality } from '../platform/security/index.js';
import { Metrics } from '../platform/telemetry/index.js';
import { CapacityQueue, QUEUE_LENGTH, QUEUE_WAIT_MS, type RoomWish } from './capacity-queue.js';

/** Time that a test moves; timers fire in order. */
class MovedClock extends Clock {
  #at = 0;
  #timers: { readonly atMs: number; readonly work: () => void }[] = [];
  override nowMs(): number {
    return this.#at;
  }
  override nowMicros(): number {
    return this.#at * 1_000;
  }
  override monotonicMs(): number {
    return this.#at;
  }
  override after(delayMs: number, work: () => void): () => void {
    const timer = { atMs: this.#at + delayMs, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  async move(ms: number): Promise<void> {
    const endMs = this.#at + ms;
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > endMs) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#at = Math.max(this.#at, next.atMs);
      next.work();
      await Promise.resolve();
    }
    this.#at = endMs;
  }
}

const BUSY = new AppError('no_capacity', 'Everything is busy.', { retryAfterSeconds: 1 });

/** Room for a number of calls, and a queue before it. */
class Rig {
  readonly clock = new MovedClock();
  readonly metrics = new Metrics();
  readonly queue = new CapacityQueue(this.clock, this.metrics);
  room = 0;
  readonly served: string[] = [];

  ask(
    userId: string,
    fields: Partial<RoomWish<string>> & { criticality?: Criticality } = {},
  ): Promise<string | undefined> {
    const { criticality = 'critical', ...rest } = fields;
    return this.queue.find({
      waiting: { criticality, userId, investigationId: null, lane: 'm' },
      attempt: () => {
        if (this.room === 0) return { ok: false, refusal: BUSY };
        this.room -= 1;
        this.served.push(userId);
        return { ok: true, room: userId };
      },
      deadlineAtMs: Infinity,
      signal: new AbortController().signal,
      ...rest,
    });
  }

  async free(count: number): Promise<void> {
    this.room += count;
    this.queue.wake();
    await Promise.resolve();
    await Promise.resolve();
  }
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(String, (error: unknown) => (error as AppError).code);

describe('room for calls', () => {
  it('is given at once while there is some', async () => {
    const rig = new Rig();
    rig.room = 1;
    expect(await rig.ask('a')).toBe('a');
  });

  it('is given in turn as it becomes free, and nobody overtakes who waits', async () => {
    const rig = new Rig();
    const calls = [rig.ask('a'), rig.ask('a'), rig.ask('b')];
    rig.room = 1;
    const late = rig.ask('c');
    expect(rig.served).toEqual([]);
    await rig.free(3);
    expect(rig.served).toEqual(['a', 'b', 'c', 'a']);
    expect(await Promise.all([...calls, late])).toEqual(['a', 'a', 'b', 'c']);
    expect(rig.queue.depths).toMatchObject({ critical: 0 });
  });

  it('is looked for again when time alone made some', async () => {
    const rig = new Rig();
    const call = rig.ask('a');
    rig.room = 1;
    await rig.clock.move(100);
    expect(await call).toBe('a');
  });

  it('is waited for 30 s or to the deadline: critical calls learn what was missing, others that they were shed', async () => {
    const rig = new Rig();
    const calls = [rig.ask('a'), rig.ask('b', { criticality: 'sheddable' }), rig.ask('c', { deadlineAtMs: 500 })].map(
      codeOf,
    );
    await rig.clock.move(500);
    expect(await calls[2]).toBe('no_capacity');
    await rig.clock.move(QUEUE_WAIT_MS);
    expect(await Promise.all(calls)).toEqual(['no_capacity', 'capacity_shed', 'no_capacity']);
    expect(rig.queue.shedding).toEqual(['critical', 'sheddable']);
    expect(await rig.metrics.render()).toContain('aip_requests_shed_total{criticality="sheddable",reason="waited"} 1');
  });

  it('is not waited for in a full queue: the least critical make way, with an honest Retry-After', async () => {
    const rig = new Rig();
    const filling = Array.from({ length: QUEUE_LENGTH }, () => rig.ask('batch', { criticality: 'sheddable' }));
    const codes = filling.map(codeOf);
    const refused = await rig
      .ask('one more', { criticality: 'sheddable' })
      .catch((error: unknown) => error as AppError);
    expect(refused).toMatchObject({ code: 'capacity_shed', entry: { status: 503 } });
    expect((refused as AppError).facts.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    const urgent = rig.ask('urgent', { criticality: 'critical-plus' });
    expect(await codes.at(-1)).toBe('capacity_shed');
    await rig.free(1);
    expect(await urgent).toBe('urgent');
    rig.queue.onApplicationShutdown();
    await Promise.all(codes);
  });

  it('is not waited for while the replica stops', async () => {
    const rig = new Rig();
    const before = codeOf(rig.ask('a'));
    rig.queue.close();
    expect([await before, await codeOf(rig.ask('b'))]).toEqual(['draining', 'draining']);
    rig.room = 1;
    expect(await rig.ask('c')).toBe('c');
  });

  it('is not kept for callers who left', async () => {
    const rig = new Rig();
    const leaving = new AbortController();
    const call = rig.ask('a', { signal: leaving.signal });
    leaving.abort();
    expect(await call).toBeUndefined();
    expect(rig.queue.depths).toMatchObject({ critical: 0 });
  });

  it('is not waited for when waiting cannot help', async () => {
    const rig = new Rig();
    const attempt = (): never => {
      throw new AppError('no_eligible_provider', 'Nobody may serve this.');
    };
    expect(await codeOf(rig.ask('a', { attempt }))).toBe('no_eligible_provider');
  });
});
