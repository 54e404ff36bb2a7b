import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AppError } from '../../../src/platform/errors/index.js';
import type { Deployment } from '../../../src/providers/index.js';
import { CallerGoneError } from '../../../src/providers/domain/torn-stream.error.js';
import {
  answerStatus,
  chatEvents,
  cutAfter,
  reset,
  ScriptedUpstream,
  stallAfter,
} from '../../support/scripted-upstream.js';
import { CallRig, textOf } from './call-rig.js';

const GOOD = 'Hello there.';
const CANARY = 'sk-canary-0123456789abcdefghij';

let faulty: ScriptedUpstream;
let healthy: ScriptedUpstream;
let rig: CallRig;

beforeAll(async () => {
  faulty = await new ScriptedUpstream().start();
  healthy = await new ScriptedUpstream().start();
});
afterAll(async () => {
  await faulty.stop();
  await healthy.stop();
});
beforeEach(() => {
  rig = new CallRig();
});
afterEach(async () => {
  faulty.forget();
  healthy.forget();
  await rig.stop();
});

const plan = (more: Partial<Deployment> = {}): readonly Deployment[] => [
  rig.deployment(faulty.url, { providerName: 'faulty', ...more }),
  rig.deployment(healthy.url, { providerName: 'healthy' }),
];

function appError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw new Error(`Not an AppError: ${String(error)}`);
}

/** Each permit was given back and each attempt told, exactly once. */
function expectBalanced(): void {
  expect(rig.gate.released).toBe(rig.gate.admitted);
  expect(rig.witness.seen).toHaveLength(rig.gate.admitted);
  expect(new Set(rig.witness.seen.map(({ record }) => record)).size).toBe(rig.gate.admitted);
  for (const { record } of rig.witness.seen) expect(record.endedAtMs).not.toBeNull();
}

describe('permits', () => {
  it('no attempt without a permit and a covered hold: a refused candidate is passed over', async () => {
    const [first, second] = plan();
    if (first === undefined || second === undefined) throw new Error('no plan');
    const before = faulty.seen.length;
    rig.gate.refusals.set(first.id, { ok: false, reason: 'breaker_open' });
    const { call, text } = await rig.run([first, second]);
    expect(text).toBe(GOOD);
    expect(faulty.seen).toHaveLength(before);
    expect(call.attempts).toHaveLength(1);
    expect(call.skipped).toMatchObject([{ providerName: 'faulty', reason: 'breaker_open' }]);
  });

  it('answers 503 at once when every candidate rests, and says when to come back', async () => {
    const both = plan();
    for (const { id } of both) rig.gate.refusals.set(id, { ok: false, reason: 'upstream_limit', retryAfterMs: 4_000 });
    const error = appError((await rig.run(both)).error);
    expect(error.code).toBe('no_capacity');
    expect(error.facts.retryAfterSeconds).toBe(4);
    expect(error.facts.aip?.['rejected']).toHaveLength(2);
  });

  it('one terminal record per attempt, whatever happens', async () => {
    faulty.next(answerStatus(500, {}), reset, cutAfter(3), stallAfter(1));
    for (let count = 0; count < 4; count += 1) await rig.run(plan());
    expectBalanced();
  });

  it("no dispatch outside the plan's jurisdictions", async () => {
    const before = faulty.seen.length;
    const { error } = await rig.run([rig.deployment(faulty.url)], { jurisdictions: ['EU'] });
    expect(String(error)).toContain('jurisdictions');
    expect(faulty.seen).toHaveLength(before);
    expect(rig.gate.released).toBe(rig.gate.admitted);
    const claim = {
      kind: 'processingIn',
      value: ['EU'],
      evidenceUrl: null,
      statedAtMs: 0,
      reviewedBy: null,
      reviewDueAtMs: rig.clock.nowMs() + 1_000_000,
    };
    const inside = rig.deployment(healthy.url, { claims: [claim] });
    expect((await rig.run([inside], { jurisdictions: ['EU'] })).text).toBe(GOOD);
    const overdue = rig.deployment(healthy.url, { claims: [{ ...claim, reviewDueAtMs: 1 }] });
    expect(String((await rig.run([overdue], { jurisdictions: ['EU'] })).error)).toContain('jurisdictions');
  });

  it('never mixes simulated and real providers', () => {
    expect(() => rig.open([rig.deployment(healthy.url), rig.deployment(healthy.url, { simulated: true })])).toThrow();
  });
});

describe('a caller who leaves', () => {
  it('closes the socket before an answer', async () => {
    const closed = Promise.withResolvers<undefined>();
    faulty.next((_request, response) => {
      response.on('close', () => {
        closed.resolve(undefined);
      });
    });
    const abort = new AbortController();
    const running = rig.run([rig.deployment(faulty.url)], {}, abort.signal);
    setTimeout(() => {
      abort.abort();
    }, 50);
    const { error, call } = await running;
    expect(error).toBeInstanceOf(CallerGoneError);
    expect(call.attempts[0]).toMatchObject({ outcome: 'client_closed', usageSource: 'estimated', billed: 'maybe' });
    await closed.promise;
    expectBalanced();
  });

  it('closes the socket in the middle of one and keeps what was received', async () => {
    faulty.next(stallAfter(3));
    const abort = new AbortController();
    const call = rig.open([rig.deployment(faulty.url)], {}, abort.signal);
    const iterator = call[Symbol.asyncIterator]();
    let text = '';
    while (text !== 'Hello there') text += textOf((await iterator.next()).value ?? []);
    abort.abort();
    await iterator.return();
    expect(call.committed).toMatchObject({
      outcome: 'client_closed',
      usageSource: 'counted',
      received: { textBytes: 11 },
    });
    expectBalanced();
  });

  it('dispatches nothing for one who left before', async () => {
    const { error, call } = await rig.run([rig.deployment(faulty.url)], {}, AbortSignal.abort());
    expect(error).toBeInstanceOf(CallerGoneError);
    expect(call.attempts).toHaveLength(0);
  });
});

describe('backpressure', () => {
  it('pauses the socket of a consumer that pauses', async () => {
    const words = Array.from({ length: 400 }, () => 'x'.repeat(50_000));
    let written = 0;
    healthy.next(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const text of chatEvents(words)) {
        written += text.length;
        if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    });
    const timers = { connectMs: 1_000, ttftMs: 5_000, idleMs: 10_000, totalMs: 25_000 };
    const call = rig.open([rig.deployment(healthy.url, { timers })]);
    const iterator = call[Symbol.asyncIterator]();
    let text = textOf((await iterator.next()).value ?? []);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const total = chatEvents(words).join('').length;
    expect(written).toBeLessThan(total);
    for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) text += textOf(step.value);
    expect(text).toHaveLength(400 * 50_000);
  });
});

describe('credentials', () => {
  it('a secret leaves only in a header to its own origin', async () => {
    const own = rig.deployment(faulty.url, { providerName: 'own' });
    const foreign = rig.credential(own.providerId, CANARY);
    const other = rig.deployment(healthy.url, { credentialIds: [foreign.id] });
    const withOwn = { ...own, credentialIds: [foreign.id] };
    rig.adopt([foreign]);
    const before = { own: faulty.seen.length, other: healthy.seen.length };
    const first = await rig.run([withOwn]);
    const refused = await rig.run([other]);
    expect(first.text).toBe(GOOD);
    expect(faulty.seen[before.own]?.headers.authorization).toBe(`Bearer ${CANARY}`);
    expect(faulty.seen[before.own]?.path).not.toContain(CANARY);
    expect(healthy.seen).toHaveLength(before.other);
    expect(appError(refused.error).code).toBe('no_capacity');
    expect(JSON.stringify([first.call.attempts, first.emissions, refused.call.skipped])).not.toContain(CANARY);
  });

  it('uses the other credential when one is refused, and rests the refused one', async () => {
    const base = rig.deployment(faulty.url);
    const one = rig.credential(base.providerId, 'first');
    const two = rig.credential(base.providerId, 'second');
    const deployment = { ...base, credentialIds: [one.id, two.id] };
    rig.adopt([one, two]);
    const before = faulty.seen.length;
    faulty.next(answerStatus(401, { error: { code: 'invalid_api_key' } }));
    const { text, call } = await rig.run([deployment]);
    await rig.run([deployment]);
    expect(text).toBe(GOOD);
    expect(call.attempts).toHaveLength(2);
    const used = faulty.seen.slice(before).map(({ headers }) => headers.authorization);
    expect(used).toEqual(['Bearer first', 'Bearer second', 'Bearer second']);
  });

  it('passes over revoked, expired and foreign credentials', async () => {
    const base = rig.deployment(faulty.url);
    const revoked = rig.credential(base.providerId, 'x', { state: 'revoked' });
    const expired = rig.credential(base.providerId, 'x', { expiresAtMs: 1 });
    rig.adopt([revoked, expired]);
    const { error, call } = await rig.run([{ ...base, credentialIds: [revoked.id, expired.id, 'unknown'] }]);
    expect(appError(error).code).toBe('no_capacity');
    expect(call.skipped).toMatchObject([{ reason: 'credential' }]);
  });
});

describe('outbound safety', () => {
  it('connects to no address that the guard closes, though the row says so', async () => {
    const closed = new CallRig([]);
    const before = faulty.seen.length;
    for (const network of ['public', 'private', 'simulated'] as const) {
      const { call } = await closed.run([closed.deployment(faulty.url, { network })]);
      expect(call.attempts[0]).toMatchObject({ outcome: 'connect_error', vendorCode: 'AIP_GUARD', billed: 'no' });
    }
    const named = closed.deployment(faulty.url.replace('127.0.0.1', 'localhost'), { network: 'public' });
    expect((await closed.run([named])).call.attempts[0]?.vendorCode).toBe('AIP_GUARD');
    expect(faulty.seen).toHaveLength(before);
    await closed.stop();
  });

  it('lets simulated providers reach the ports that this process opened, and no other', async () => {
    const close = rig.origins.register(new URL(healthy.url).origin);
    const simulated = { network: 'simulated' as const, simulated: true };
    expect((await rig.run([rig.deployment(healthy.url, simulated)])).text).toBe(GOOD);
    expect((await rig.run([rig.deployment('http://simulated.invalid/v1', simulated)])).text).toBe(GOOD);
    const { call } = await rig.run([rig.deployment(faulty.url, simulated)]);
    expect(call.attempts[0]?.vendorCode).toBe('AIP_GUARD');
    close();
    expect(rig.origins.resolve('127.0.0.1', String(healthy.port))).toBeUndefined();
  });
});

describe('probe', () => {
  it('says that all is well, or what is wrong', async () => {
    expect(await rig.probe.probe(rig.deployment(healthy.url))).toMatchObject({
      ok: true,
      problem: 'none',
      status: 200,
    });
    const nobody = rig.deployment('http://127.0.0.1:9/v1');
    expect(await rig.probe.probe(nobody)).toMatchObject({
      ok: false,
      problem: 'connect',
      message: 'No connection: nothing listens there.',
    });
    const keyless = rig.deployment(healthy.url, { credentialIds: ['gone'] });
    expect(await rig.probe.probe(keyless)).toMatchObject({ ok: false, problem: 'credential_missing' });
  });
});
