import { describe, expect, it } from '@jest/globals';

import { AttemptTimers } from './attempt-timers.js';

const TIMERS = { connectMs: 100, ttftMs: 1_000, idleMs: 500, totalMs: 60_000 };
const started = (deadlineMs = 100_000): AttemptTimers => new AttemptTimers(TIMERS, 1_000, deadlineMs);

describe('attempt timers', () => {
  it('counts connecting first, then the first delta from the start', () => {
    const timers = started();
    expect(timers.dueAtMs).toBe(1_100);
    expect(timers.expired(1_099)).toBeNull();
    expect(timers.expired(1_100)).toBe('connect');
    timers.connected();
    expect(timers.dueAtMs).toBe(2_000);
    expect(timers.expired(2_000)).toBe('ttft');
  });

  it('is not moved by bytes, comments and empty chunks before the first delta', () => {
    const timers = started();
    timers.connected();
    timers.heard(1_900);
    expect(timers.expired(2_000)).toBe('ttft');
  });

  it('is moved by progress', () => {
    const timers = started();
    timers.connected();
    timers.progressed(1_800, 4);
    expect(timers.dueAtMs).toBe(2_300);
    timers.progressed(2_200, 4);
    expect(timers.expired(2_699)).toBeNull();
    expect(timers.expired(2_700)).toBe('idle');
  });

  it('lets comments keep a silent stream for three idle periods at most', () => {
    const timers = started();
    timers.connected();
    timers.progressed(2_000, 4);
    for (let at = 2_300; at <= 3_400; at += 300) timers.heard(at);
    expect(timers.expired(3_499)).toBeNull();
    expect(timers.expired(3_500)).toBe('idle');
  });

  it('calls a slow drip idle', () => {
    const timers = new AttemptTimers({ ...TIMERS, idleMs: 20_000 }, 0, 100_000);
    timers.connected();
    for (let at = 500; at <= 21_000; at += 5_000) timers.progressed(at, 5);
    expect(timers.expired(20_500)).toBe('idle');
  });

  it('leaves a stream alone that is slow but not dripping', () => {
    const timers = new AttemptTimers({ ...TIMERS, idleMs: 20_000 }, 0, 100_000);
    timers.connected();
    for (let at = 500; at <= 41_000; at += 5_000) timers.progressed(at, 15);
    expect(timers.expired(41_000)).toBeNull();
  });

  it('ends with the total, or with a shorter deadline, whatever arrives', () => {
    const timers = started();
    timers.connected();
    timers.progressed(60_900, 100);
    expect(timers.expired(61_000)).toBe('total');
    const short = started(300);
    short.connected();
    expect(short.dueAtMs).toBe(1_300);
    expect(short.expired(1_300)).toBe('deadline');
  });
});
