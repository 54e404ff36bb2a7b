import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { PLAIN_RULES, type CallRules } from '../../../src/providers/domain/call.js';
import { TornStreamError } from '../../../src/providers/domain/torn-stream.error.js';
import type { Deployment, Emission } from '../../../src/providers/index.js';
import {
  answerChat,
  answerStatus,
  chatEvents,
  cutAfter,
  ScriptedUpstream,
  stallAfter,
  type Script,
} from '../../support/scripted-upstream.js';
import { CallRig } from './call-rig.js';

const GOOD = 'Hello there.';

let first: ScriptedUpstream;
let second: ScriptedUpstream;
let rig: CallRig;

beforeAll(async () => {
  first = await new ScriptedUpstream().start();
  second = await new ScriptedUpstream().start();
});
afterAll(async () => {
  await first.stop();
  await second.stop();
});
beforeEach(() => {
  rig = new CallRig();
});
afterEach(async () => {
  first.forget();
  second.forget();
  await rig.stop();
});

const rules = (more: Partial<CallRules>): CallRules => ({ ...PLAIN_RULES, ...more });

function expectBalanced(): void {
  expect(rig.gate.released).toBe(rig.gate.admitted);
  expect(rig.witness.seen).toHaveLength(rig.gate.admitted);
  for (const { record } of rig.witness.seen) expect(record.endedAtMs).not.toBeNull();
}

const event = (delta: unknown, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-up',
    object: 'chat.completion.chunk',
    created: 1_764_000_000,
    model: 'up-1',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })}\n\n`;

const stream =
  (parts: readonly string[], then: Script = (_request, response) => void response.end()): Script =>
  (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    return then(request, response);
  };

const REFUSED_INSIDE = stream([
  event({ role: 'assistant', content: '' }),
  event({}, 'content_filter'),
  'data: [DONE]\n\n',
]);
const REFUSED_BY_STATUS = answerStatus(400, { error: { code: 'content_filter', message: 'filtered' } });

describe('a refusal of the content', () => {
  const plan = (): readonly Deployment[] => [
    rig.deployment(first.url, { providerName: 'first', model: 'a' }),
    rig.deployment(second.url, { providerName: 'same model', model: 'a' }),
    rig.deployment(second.url, { providerName: 'other model', model: 'b' }),
  ];
  const finishOf = (emissions: readonly Emission[]): unknown =>
    emissions.flatMap((one) => (one.kind === 'finish' ? [one.reason] : []));

  it.each([
    ['by status', REFUSED_BY_STATUS],
    ['inside the answer', REFUSED_INSIDE],
  ])('is the answer, unless the policy says otherwise: %s', async (_name, script) => {
    const before = second.seen.length;
    first.next(script);
    const { error, emissions, call } = await rig.run(plan());
    expect(error).toBeUndefined();
    expect(finishOf(emissions)).toEqual(['content_filter']);
    expect(call.attempts).toHaveLength(1);
    expect(call.committed?.deployment.providerName).toBe('first');
    expect(second.seen).toHaveLength(before);
    expectBalanced();
  });

  it.each([
    ['by status', REFUSED_BY_STATUS],
    ['inside the answer', REFUSED_INSIDE],
  ])('is put to another model, never to the same one elsewhere: %s', async (_name, script) => {
    first.next(script);
    const { text, call } = await rig.run(plan(), { rules: rules({ onRefusal: 'fallback' }) });
    expect(text).toBe(GOOD);
    expect(call.attempts.map(({ deployment, outcome }) => [deployment.providerName, outcome])).toEqual([
      ['first', 'content_refused'],
      ['other model', 'ok'],
    ]);
    expectBalanced();
  });

  it('stands when no other model answers', async () => {
    first.next(REFUSED_INSIDE);
    second.next(answerStatus(500, {}));
    const { error, emissions, call } = await rig.run(plan(), { rules: rules({ onRefusal: 'fallback' }) });
    expect(error).toBeUndefined();
    expect(finishOf(emissions)).toEqual(['content_filter']);
    expect(call.committed?.deployment.providerName).toBe('first');
    expectBalanced();
  });
});

describe('what counts as the first delta', () => {
  const thought = [event({ role: 'assistant', content: '' }), event({ reasoning_content: 'Let me think' })];
  const ERROR_EVENT = 'data: {"error":{"message":"boom","type":"server_error"}}\n\n';
  const laterError = stream(thought, (_request, response) => {
    setTimeout(() => response.end(ERROR_EVENT), 40);
  });
  const plan = (more: Partial<Deployment> = {}): readonly Deployment[] => [
    rig.deployment(first.url, more),
    rig.deployment(second.url),
  ];

  it('any: reasoning has left, so an error after it is seen', async () => {
    first.next(laterError);
    const { error } = await rig.run(plan(), { rules: rules({ commitOn: 'any' }) });
    expect(error).toBeInstanceOf(TornStreamError);
  });

  it('content: reasoning is held back, so the next candidate can still answer', async () => {
    first.next(laterError);
    const { error, text } = await rig.run(plan(), { rules: rules({ commitOn: 'content' }) });
    expect(error).toBeUndefined();
    expect(text).toBe(GOOD);
    expectBalanced();
  });

  it('content: reasoning that comes before the answer is not lost', async () => {
    first.next(stream([...thought, ...chatEvents().slice(1)]));
    const { emissions, text } = await rig.run(plan(), { rules: rules({ commitOn: 'content' }) });
    expect(text).toBe(GOOD);
    expect(JSON.stringify(emissions)).toContain('Let me think');
  });

  it('default: content for tools at a vendor that fails after reasoning', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];
    const request = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true, tools };
    first.next(laterError);
    const { error, text } = await rig.run(plan({ vendor: 'groq' }), { request });
    expect(error).toBeUndefined();
    expect(text).toBe(GOOD);
  });
});

describe('a cut answer that is carried on', () => {
  const capable = (url: string, providerName: string, prefill = true): Deployment => {
    const deployment = rig.deployment(url, { providerName });
    return { ...deployment, capabilities: { ...deployment.capabilities, prefill } };
  };
  const plan = (prefill = true): readonly Deployment[] => [
    capable(first.url, 'first'),
    capable(second.url, 'second', prefill),
  ];
  const carryOn = { rules: rules({ onCut: 'continue' }) };
  const lateCut = stream(chatEvents(['One two ', 'three ']).slice(0, 3), (_request, response) => {
    setTimeout(() => response.socket?.destroy(), 40);
  });

  it('goes on elsewhere where it broke, with the place marked and both attempts on record', async () => {
    first.next(lateCut);
    second.next(answerChat([' four', ' five']));
    const { error, text, emissions, call } = await rig.run(plan(), carryOn);
    expect(error).toBeUndefined();
    expect(text).toBe('One two three four five');
    const asked = second.seen.at(-1)?.body['messages'] as readonly unknown[];
    expect(asked.at(-1)).toEqual({ role: 'assistant', content: 'One two three' });
    const marks = emissions.flatMap((one) => (one.kind === 'chunk' && 'aip' in one.chunk ? [one.chunk['aip']] : []));
    expect(marks).toEqual([{ continuation: { from: 'first', to: 'second', afterCharacters: 14 } }]);
    const chunks = emissions.flatMap((one) => (one.kind === 'chunk' ? [one.chunk] : []));
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter(({ choices }) => choices[0]?.delta.role !== undefined)).toHaveLength(1);
    expect(call.attempts).toMatchObject([
      { n: 1, outcome: 'truncated', usageSource: 'counted', committed: true, continues: null },
      { n: 2, outcome: 'ok', usageSource: 'reported', committed: true, continues: 1 },
    ]);
    expectBalanced();
  });

  it('also after silence', async () => {
    first.next(stallAfter(3));
    second.next(answerChat([', friend.']));
    const { text, call } = await rig.run(plan(), carryOn);
    expect(text).toBe('Hello there, friend.');
    expect(call.attempts[0]?.outcome).toBe('idle_timeout');
  });

  it('happens once per call', async () => {
    first.next(lateCut);
    second.next(cutAfter(3));
    const third = capable(second.url, 'third');
    const { error, call } = await rig.run([...plan(), third], carryOn);
    expect(error).toBeInstanceOf(TornStreamError);
    expect(call.attempts).toHaveLength(2);
    expectBalanced();
  });

  it.each([
    ['without the rule', plan, {}],
    ['when nobody can carry on', () => plan(false), carryOn],
    ['with a schema', plan, { ...carryOn, request: { response_format: { type: 'json_object' } } }],
    ['with tools', plan, { ...carryOn, request: { tools: [{ type: 'function', function: { name: 'f' } }] } }],
    ['with several choices', plan, { ...carryOn, request: { n: 2 } }],
  ])('is torn instead %s', async (_name, planOf, more: { rules?: CallRules; request?: Record<string, unknown> }) => {
    first.next(lateCut);
    const before = second.seen.length;
    const request = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true, ...more.request };
    const { error, emissions } = await rig.run(planOf(), { ...more, request });
    expect(error).toBeInstanceOf(TornStreamError);
    expect(emissions.some(({ kind }) => kind === 'done')).toBe(false);
    expect(second.seen).toHaveLength(before);
    expectBalanced();
  });

  it('is torn when the other provider fails as well', async () => {
    first.next(lateCut);
    second.next(answerStatus(500, {}));
    const { error, call } = await rig.run(plan(), carryOn);
    expect(error).toBeInstanceOf(TornStreamError);
    expect((error as TornStreamError).attempt).toBe(call.attempts[0]);
    expectBalanced();
  });
});

describe('hedging', () => {
  const plan = (): readonly [Deployment, Deployment] => [
    rig.deployment(first.url, {
      providerName: 'first',
      timers: { connectMs: 1_000, ttftMs: 5_000, idleMs: 700, totalMs: 9_000 },
    }),
    rig.deployment(second.url, { providerName: 'second' }),
  ];
  const hedged = (deployments: readonly Deployment[], dailyLimit = 1_000n): { rules: CallRules } => ({
    rules: rules({
      hedge: { account: 'org', dailyLimit, worst: new Map(deployments.map(({ id }) => [id, 100n])) },
    }),
  });
  /** Enough answers to know when one is late. */
  const teach = async (deployment: Deployment): Promise<void> => {
    const { call } = await rig.run([{ ...deployment, baseUrl: second.url }]);
    const [record] = call.attempts;
    if (record === undefined) throw new Error('No attempt was made');
    for (let count = 0; count < 200; count += 1) rig.ttfts.learn({ ...record, deployment, ttftMs: 20 });
  };
  const late =
    (ms: number): Script =>
    async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return answerChat(['Late'])(request, response);
    };

  it('makes a second attempt when the first is late; the first delta wins and the loser is on record', async () => {
    const deployments = plan();
    await teach(deployments[0]);
    let closed = false;
    first.next((_request, response) => {
      response.once('close', () => (closed = true));
    });
    const { text, call } = await rig.run(deployments, hedged(deployments));
    expect(text).toBe(GOOD);
    expect(call.attempts).toMatchObject([
      { n: 1, outcome: 'cancelled_hedge', failureClass: null, usageSource: 'estimated', committed: false },
      { n: 2, outcome: 'ok', committed: true },
    ]);
    expect(call.attempts[0]?.durationMs).toBeGreaterThanOrEqual(195);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(closed).toBe(true);
    expectBalanced();
  });

  it('lets the first one win when it comes earlier after all', async () => {
    const deployments = plan();
    await teach(deployments[0]);
    first.next(late(280));
    second.next(stallAfter(0));
    const { text, call } = await rig.run(deployments, hedged(deployments));
    expect(text).toBe('Late');
    expect(call.attempts.map(({ outcome }) => outcome)).toEqual(['ok', 'cancelled_hedge']);
    expect(call.committed?.n).toBe(1);
    expectBalanced();
  });

  it('waits for the other when one of the two fails', async () => {
    const deployments = plan();
    await teach(deployments[0]);
    first.next(late(400));
    second.next(answerStatus(500, {}));
    const { text, call } = await rig.run(deployments, hedged(deployments));
    expect(text).toBe('Late');
    expect(call.attempts.map(({ outcome }) => outcome)).toEqual(['ok', 'http_error']);
    expectBalanced();
  });

  it('goes on along the plan when both fail', async () => {
    const third = await new ScriptedUpstream(answerChat(['Third'])).start();
    const deployments = [...plan(), rig.deployment(third.url, { providerName: 'third' })] as const;
    await teach(deployments[0]);
    first.next(async (_request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      response.writeHead(500).end();
    });
    second.next(answerStatus(500, {}));
    const { text, call } = await rig.run(deployments, hedged(deployments));
    expect(text).toBe('Third');
    expect(call.attempts).toHaveLength(3);
    expectBalanced();
    await third.stop();
  });

  it.each([
    ['without the rule', {}, 20],
    ['before enough answers are known', undefined, null],
  ])('does not happen %s', async (_name, more, ttftMs) => {
    const deployments = plan();
    if (ttftMs !== null) await teach(deployments[0]);
    first.next(late(300));
    const { call } = await rig.run(deployments, more ?? hedged(deployments));
    expect(call.attempts).toHaveLength(1);
  });

  it('stays within its daily amount and out of a busy deployment', async () => {
    const deployments = plan();
    await teach(deployments[0]);
    first.next(late(300));
    expect((await rig.run(deployments, hedged(deployments, 99n))).call.attempts).toHaveLength(1);
    rig.gate.loads.set(deployments[1].id, 0.85);
    first.next(late(300));
    expect((await rig.run(deployments, hedged(deployments))).call.attempts).toHaveLength(1);
  });

  it('never happens at the same provider, for several choices, or where state is kept', async () => {
    const [one, two] = plan();
    const same = [one, { ...two, providerId: one.providerId }];
    await teach(one);
    first.next(late(300), late(300), late(300));
    expect((await rig.run(same, hedged(same))).call.attempts).toHaveLength(1);
    for (const more of [{ n: 2 }, { store: true }]) {
      const request = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true, ...more };
      expect((await rig.run([one, two], { ...hedged([one, two]), request })).call.attempts).toHaveLength(1);
    }
  });

  it('closes both sockets when the caller leaves', async () => {
    const deployments = plan();
    await teach(deployments[0]);
    first.next(stallAfter(0));
    second.next(stallAfter(0));
    const leaving = new AbortController();
    setTimeout(() => {
      leaving.abort();
    }, 350);
    const { call } = await rig.run(deployments, hedged(deployments), leaving.signal);
    expect(call.attempts.map(({ outcome }) => outcome)).toEqual(['client_closed', 'client_closed']);
    expectBalanced();
  });
});
