import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { TornStreamError } from '../../../src/providers/domain/torn-stream.error.js';
import type { Deployment, Emission } from '../../../src/providers/index.js';
import { answerStatus, ScriptedUpstream, type Script } from '../../support/scripted-upstream.js';
import { CallRig, textOf } from './call-rig.js';

const event = (type: string, more: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const START = event('message_start', {
  message: { id: 'msg_1', model: 'claude-up', usage: { input_tokens: 10, output_tokens: 1 } },
});
const BLOCK = event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const text = (words: string): string =>
  event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: words } });
const END = [
  event('content_block_stop', { index: 0 }),
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }),
  event('message_stop'),
].join('');

const send =
  (...parts: readonly string[]): Script =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(parts.join(''));
  };
const good = (words: string): Script => send(START, BLOCK, text(words), END);
const after =
  (ms: number, script: Script): Script =>
  async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return script(request, response);
  };
const begunThen =
  (words: string, ms: number, end: (response: Parameters<Script>[1]) => void): Script =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(START + BLOCK + text(words));
    setTimeout(() => {
      end(response);
    }, ms);
  };

let partner: ScriptedUpstream;
let other: ScriptedUpstream;
let rig: CallRig;

beforeAll(async () => {
  partner = await new ScriptedUpstream(good('answer')).start();
  other = await new ScriptedUpstream(good('elsewhere')).start();
});
afterAll(async () => {
  await partner.stop();
  await other.stop();
});
beforeEach(() => {
  rig = new CallRig();
});
afterEach(async () => {
  partner.forget();
  other.forget();
  await rig.stop();
});

const anthropic = (url: string, providerName = 'partner'): Deployment =>
  rig.deployment(url, { vendor: 'anthropic', dialect: 'anthropic', providerName });
const asking = (n: number): { request: Record<string, unknown> } => ({
  request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true, n },
});
const textOfChoice = (emissions: readonly Emission[], index: number): string =>
  textOf(emissions.filter((one) => one.kind === 'chunk' && one.chunk.choices[0]?.index === index));

function expectBalanced(attempts: number): void {
  expect(rig.gate.admitted).toBe(attempts);
  expect(rig.gate.released).toBe(attempts);
  expect(rig.witness.seen).toHaveLength(attempts);
}

describe('several choices of a vendor that gives one answer per request', () => {
  it('are as many requests and one attempt; choices get their index, usage is added', async () => {
    partner.next(good('zero'), good('one'), good('two'));
    const before = partner.seen.length;
    const { error, emissions, call } = await rig.run([anthropic(partner.url)], asking(3));
    expect(error).toBeUndefined();
    expect(new Set([0, 1, 2].map((index) => textOfChoice(emissions, index)))).toEqual(new Set(['zero', 'one', 'two']));
    const seen = partner.seen.slice(before);
    expect(seen).toHaveLength(3);
    for (const { body } of seen) expect(body).not.toHaveProperty('n');
    expect(new Set(seen.map(({ headers }) => headers['x-request-id'])).size).toBe(3);
    expect(call.attempts).toHaveLength(1);
    expect(call.committed).toMatchObject({
      outcome: 'ok',
      inputTimes: 3,
      usageSource: 'reported',
      usage: { input: 30, output: 21 },
      unreported: null,
    });
    expectBalanced(1);
  });

  it('form one stream: one id, one finish per choice, one usage, one end', async () => {
    const { emissions } = await rig.run([anthropic(partner.url)], asking(4));
    const chunks = emissions.flatMap((one) => (one.kind === 'chunk' ? [one.chunk] : []));
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const finishes = emissions.flatMap((one) => (one.kind === 'finish' ? [one.choice] : []));
    expect([...finishes].sort()).toEqual([0, 1, 2, 3]);
    expect(emissions.filter(({ kind }) => kind === 'usage')).toHaveLength(1);
    expect(emissions.filter(({ kind }) => kind === 'done')).toHaveLength(1);
    expect(emissions.at(-1)?.kind).toBe('done');
  });

  it('fail over as one when a part fails before its first delta, though others had begun', async () => {
    partner.next(good('zero'), after(50, answerStatus(529, { type: 'error', error: { type: 'overloaded_error' } })));
    const { error, emissions, call } = await rig.run(
      [anthropic(partner.url), anthropic(other.url, 'other')],
      asking(2),
    );
    expect(error).toBeUndefined();
    expect([textOfChoice(emissions, 0), textOfChoice(emissions, 1)]).toEqual(['elsewhere', 'elsewhere']);
    expect(call.attempts).toMatchObject([
      // What the finished part reported is charged all the same.
      {
        outcome: 'http_error',
        failureClass: 'overloaded',
        usage: { input: 10, output: 7 },
        inputTimes: 1,
        billed: 'yes',
      },
      { outcome: 'ok', inputTimes: 2 },
    ]);
    expectBalanced(2);
  });

  it('show nothing before every part has begun', async () => {
    partner.next(good('early'), after(150, good('late')));
    const startMs = performance.now();
    const call = rig.open([anthropic(partner.url)], asking(2));
    let firstMs = 0;
    for await (const _batch of call) firstMs ||= performance.now() - startMs;
    expect(firstMs).toBeGreaterThanOrEqual(145);
  });

  it('break as one after that; what was reported and what was not are told apart', async () => {
    partner.next(
      good('whole'),
      begunThen('half', 60, (response) => response.socket?.destroy()),
    );
    const { error, call } = await rig.run([anthropic(partner.url)], asking(2));
    expect(error).toBeInstanceOf(TornStreamError);
    expect(call.committed).toMatchObject({
      outcome: 'truncated',
      usageSource: 'counted',
      usage: { input: 10, output: 7 },
      inputTimes: 2,
      unreported: { inputTimes: 1, received: { textBytes: 4 } },
    });
    expectBalanced(1);
  });

  it('close all sockets when the caller leaves', async () => {
    let closed = 0;
    const hanging: Script = (_request, response) => {
      response.once('close', () => (closed += 1));
    };
    partner.next(hanging, hanging, hanging);
    const leaving = new AbortController();
    setTimeout(() => {
      leaving.abort();
    }, 60);
    const { call } = await rig.run([anthropic(partner.url)], asking(3), leaving.signal);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(closed).toBe(3);
    expect(call.attempts).toMatchObject([{ outcome: 'client_closed', usageSource: 'estimated', inputTimes: 3 }]);
    expectBalanced(1);
  });
});
