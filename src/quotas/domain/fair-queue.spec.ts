import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CRITICALITIES, type Criticality } from '../../platform/security/index.js';
import { AGEING_MS, FairQueue, type Waiting } from './fair-queue.js';

function waiting(userId: string, fields: Partial<Waiting> = {}): Waiting {
  return { criticality: 'critical', userId, investigationId: null, lane: 'm', sinceMs: 0, ...fields };
}

/** The order in which all are served when every one finds room. */
function drain(queue: FairQueue<Waiting>, nowMs = 0): readonly string[] {
  const order: string[] = [];
  for (let next = queue.next(nowMs, () => false); next !== undefined; next = queue.next(nowMs, () => false)) {
    queue.tookTurn(next);
    queue.remove(next);
    order.push(`${next.userId}${next.investigationId ?? ''}`);
  }
  return order;
}

function filled(...entries: readonly Waiting[]): FairQueue<Waiting> {
  const queue = new FairQueue<Waiting>(100);
  for (const entry of entries) queue.add(entry);
  return queue;
}

describe('the fair queue', () => {
  it('lets users take turns: one loud user does not delay another', () => {
    const loud = Array.from({ length: 5 }, () => waiting('loud'));
    expect(drain(filled(...loud, waiting('quiet')))).toEqual(['loud', 'quiet', 'loud', 'loud', 'loud', 'loud']);
  });

  it('lets the investigations of a user take turns', () => {
    const of = (investigationId: string): Waiting => waiting('u', { investigationId });
    expect(drain(filled(of('A'), of('A'), of('A'), of('B'), of('B')))).toEqual(['uA', 'uB', 'uA', 'uB', 'uA']);
  });

  it('is strict by class, until a call has waited long enough to rise', () => {
    const low = waiting('low', { criticality: 'sheddable-plus' });
    const high = waiting('high', { sinceMs: AGEING_MS });
    expect(drain(filled(low, high), AGEING_MS - 1)).toEqual(['high', 'low']);
    expect(drain(filled(low, high), AGEING_MS)).toEqual(['low', 'high']);
  });

  it('passes over lanes that are closed and keeps their places', () => {
    const queue = filled(waiting('a', { lane: 'busy' }), waiting('b', { lane: 'free' }));
    expect(queue.next(0, (lane) => lane === 'busy')?.userId).toBe('b');
    expect(queue.next(0, () => false)?.userId).toBe('a');
    expect(queue.isAhead('busy', 'critical')).toBe(true);
    expect(queue.isAhead('busy', 'critical-plus')).toBe(false);
    expect(queue.isAhead('other', 'sheddable')).toBe(false);
  });

  it('displaces the youngest of the lowest class when it is full, and refuses a newcomer that is no better', () => {
    const queue = new FairQueue<Waiting>(2);
    const older = waiting('older', { criticality: 'sheddable' });
    const younger = waiting('younger', { criticality: 'sheddable' });
    queue.add(older);
    queue.add(younger);
    const equal = waiting('equal', { criticality: 'sheddable' });
    expect(queue.add(equal)).toBe(equal);
    expect(queue.add(waiting('better'))).toBe(younger);
    expect([queue.length, queue.depth('sheddable'), queue.depth('critical')]).toEqual([2, 1, 1]);
  });

  it('never holds more than its length and loses nobody silently', () => {
    const entry = fc.record({
      criticality: fc.constantFrom<Criticality>(...CRITICALITIES),
      userId: fc.constantFrom('a', 'b', 'c'),
      investigationId: fc.constantFrom(null, 'X', 'Y'),
      lane: fc.constantFrom('m', 'n'),
      sinceMs: fc.nat(30_000),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
        const queue = new FairQueue<Waiting>(10);
        let lost = 0;
        for (const one of entries) {
          if (queue.add({ ...one }) !== undefined) lost += 1;
          expect(queue.length).toBeLessThanOrEqual(10);
        }
        expect(drain(queue, 30_000).length + lost).toBe(entries.length);
        expect(queue.length).toBe(0);
      }),
    );
  });
});
