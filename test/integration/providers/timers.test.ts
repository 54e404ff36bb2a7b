import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { DeploymentTimers } from '../../../src/providers/index.js';
import { TornStreamError } from '../../../src/providers/domain/torn-stream.error.js';
import { chatEvents, ScriptedUpstream, stallAfter, type Script } from '../../support/scripted-upstream.js';
import { CallRig, FastClock } from './call-rig.js';

/** Seconds pass as 25 ms. */
const FACTOR = 40;
/** To connect takes real time, whatever the clock says: only a busy machine would meet this limit. */
const PATIENT: DeploymentTimers = { connectMs: 120_000, ttftMs: 120_000, idleMs: 120_000, totalMs: 300_000 };
const TIMERS: DeploymentTimers = { connectMs: PATIENT.connectMs, ttftMs: 15_000, idleMs: 20_000, totalMs: 300_000 };
const [ROLE = '', FIRST = '', ...REST] = chatEvents(['Hello', ' there', '.']);

let slow: ScriptedUpstream;
let healthy: ScriptedUpstream;
let rig: CallRig;

beforeAll(async () => {
  slow = await new ScriptedUpstream().start();
  healthy = await new ScriptedUpstream().start();
});
afterAll(async () => {
  await slow.stop();
  await healthy.stop();
});
beforeEach(() => {
  rig = new CallRig(['127.0.0.0/8'], new FastClock(FACTOR));
});
afterEach(async () => {
  slow.forget();
  healthy.forget();
  await rig.stop();
});

const seconds = (count: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, (count * 1_000) / FACTOR));

/** Sends these parts with a pause before each, as long as somebody listens. */
const paced =
  (pauseSeconds: number, parts: readonly string[]): Script =>
  async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) {
      await seconds(pauseSeconds);
      if (response.destroyed) return;
      response.write(part);
    }
    response.end();
  };
const run = (timers: DeploymentTimers = TIMERS, leftMs = 600_000): ReturnType<CallRig['run']> =>
  rig.run([rig.deployment(slow.url, { timers }), rig.deployment(healthy.url, { timers: PATIENT })], {
    deadlineAtMs: rig.clock.nowMs() + leftMs,
  });
const many = (text: string, count: number): string[] => Array.from({ length: count }, () => text);
const letter = FIRST.replace('Hello', 'x');

describe('only progress resets a timer', () => {
  it.each([
    ['comments', ': keep-alive\n\n'],
    ['pings', 'event: ping\ndata: {}\n\n'],
    ['role-only chunks', ROLE],
  ])('%s do not put off the first delta', async (_name, part) => {
    slow.next(paced(1, many(part, 60)));
    const { call, text } = await run();
    expect(text).toBe('Hello there.');
    expect(call.attempts[0]).toMatchObject({ outcome: 'ttft_timeout' });
    expect(call.attempts[0]?.durationMs).toBeGreaterThanOrEqual(15_000);
  });

  it('comments keep a silent stream alive, for three idle periods at most', async () => {
    slow.next(paced(5, [ROLE, FIRST, ...many(': processing\n\n', 100)]));
    const { call, error } = await run();
    expect(error).toBeInstanceOf(TornStreamError);
    expect(call.committed?.outcome).toBe('idle_timeout');
    const sinceFirst = (call.committed?.durationMs ?? 0) - (call.committed?.ttftMs ?? 0);
    expect(sinceFirst).toBeGreaterThanOrEqual(60_000);
  });

  it('comments bridge a pause that is longer than one idle period', async () => {
    const resumed = REST.join('');
    slow.next(paced(5, [ROLE, FIRST, ...many(': processing\n\n', 6), resumed]));
    const { error, text } = await run();
    expect(error).toBeUndefined();
    expect(text).toBe('Hello there.');
  });

  it('a process that was busy itself reads what arrived meanwhile before it calls the provider silent', async () => {
    slow.next(paced(4, [ROLE + FIRST, REST.join('')]));
    const running = run();
    await seconds(6);
    const untilMs = performance.now() + (30 * 1_000) / FACTOR;
    while (performance.now() < untilMs); // No timer fires and no socket is read meanwhile.
    const { call, error } = await running;
    expect([error, call.attempts]).toMatchObject([undefined, [{ outcome: 'ok' }]]);
  });

  it('silence without comments ends after one idle period', async () => {
    slow.next(stallAfter(2));
    const { call } = await run();
    const sinceFirst = (call.committed?.durationMs ?? 0) - (call.committed?.ttftMs ?? 0);
    expect(call.committed?.outcome).toBe('idle_timeout');
    expect(sinceFirst).toBeGreaterThanOrEqual(20_000);
  });
});

describe('a slow drip', () => {
  it('of less than two characters per second over twenty seconds ends as idle', async () => {
    slow.next(paced(1, [ROLE, FIRST, ...many(letter, 120)]));
    const { call, error } = await run();
    expect(error).toBeInstanceOf(TornStreamError);
    expect(call.committed?.outcome).toBe('idle_timeout');
  });

  it('of more is an answer', async () => {
    slow.next(paced(1, [ROLE, FIRST, ...many(FIRST, 25), ...REST]));
    expect((await run()).error).toBeUndefined();
  });
});

describe('the time for everything', () => {
  it('ends an answer that goes on too long', async () => {
    slow.next(paced(1, [ROLE, ...many(FIRST, 200)]));
    const { call, error } = await run({ ...TIMERS, totalMs: 30_000 });
    expect(error).toBeInstanceOf(TornStreamError);
    expect(call.committed).toMatchObject({ outcome: 'total_timeout', blameless: false });
  });

  it('is that of the first delta where an answer comes as a whole', async () => {
    const body = { id: 'c', object: 'chat.completion', created: 1, model: 'up-1', choices: [] };
    const choice = { index: 0, message: { role: 'assistant', content: 'Whole.' }, finish_reason: 'stop' };
    slow.next(async (_request, response) => {
      await seconds(25);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...body, choices: [choice] }));
    });
    const deployment = rig.deployment(slow.url, { timers: { ...TIMERS, ttftMs: TIMERS.totalMs } });
    const whole = { ...deployment, capabilities: { ...deployment.capabilities, stream: false } };
    const { call, text } = await rig.run([whole], { deadlineAtMs: rig.clock.nowMs() + 600_000 });
    expect(text).toBe('Whole.');
    expect(call.committed?.ttftMs).toBeGreaterThanOrEqual(25_000);
  });
});

describe("a caller's deadline", () => {
  it('that leaves less than a deployment usually needs is no fault of it', async () => {
    slow.next(stallAfter(0));
    const { call } = await run(TIMERS, 8_000);
    expect(call.attempts[0]).toMatchObject({ outcome: 'total_timeout', blameless: true });
  });

  it('that comes in the middle of an answer is no fault of it', async () => {
    slow.next(paced(1, [ROLE, ...many(FIRST, 100)]));
    const { call } = await run(TIMERS, 16_000);
    expect(call.attempts[0]).toMatchObject({ outcome: 'total_timeout', blameless: true });
  });

  it('that was long enough for its usual first delta is', async () => {
    slow.next(stallAfter(0));
    const { call } = await run({ ...TIMERS, ttftMs: 30_000 }, 20_000);
    expect(call.attempts[0]).toMatchObject({ outcome: 'total_timeout', blameless: true });
    const [record] = call.attempts;
    if (record === undefined) throw new Error('No attempt was made');
    const { deployment } = record;
    for (let count = 0; count < 200; count += 1) rig.ttfts.learn({ ...record, outcome: 'ok', ttftMs: 9_000 });
    slow.next(stallAfter(0));
    const later = await rig.run([deployment], { deadlineAtMs: rig.clock.nowMs() + 20_000 });
    expect(later.call.attempts[0]).toMatchObject({ outcome: 'total_timeout', blameless: false });
  });
});

describe('what was learned about first deltas', () => {
  it('lowers their limit to three times what is usual, and to three seconds at least', async () => {
    const deployment = rig.deployment(slow.url, { timers: TIMERS });
    const { call } = await rig.run([deployment, rig.deployment(healthy.url, { timers: PATIENT })]);
    const [record] = call.attempts;
    if (record === undefined) throw new Error('No attempt was made');
    for (let count = 0; count < 199; count += 1) rig.ttfts.learn({ ...record, ttftMs: 50 });
    expect(rig.ttfts.timersOf(deployment)).toMatchObject({ ttftMs: 3_000, idleMs: TIMERS.idleMs });
    slow.next(stallAfter(0));
    const late = await rig.run([deployment, rig.deployment(healthy.url, { timers: PATIENT })], {
      deadlineAtMs: rig.clock.nowMs() + 60_000,
    });
    expect(late.call.attempts[0]).toMatchObject({ outcome: 'ttft_timeout' });
    for (let count = 0; count < 512; count += 1) rig.ttfts.learn({ ...record, ttftMs: 4_000 });
    expect(rig.ttfts.timersOf(deployment).ttftMs).toBe(12_000);
    for (let count = 0; count < 512; count += 1) rig.ttfts.learn({ ...record, ttftMs: 14_000 });
    expect(rig.ttfts.timersOf(deployment).ttftMs).toBe(TIMERS.ttftMs);
  });
});
