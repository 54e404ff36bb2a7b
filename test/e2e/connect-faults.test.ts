import { once } from 'node:events';
import { connect } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { FaultyProxy, type ConnectFault } from '../support/faulty-proxy.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { rows } from '../support/rows.js';
import { answerChat, chatEvents, ScriptedUpstream } from '../support/scripted-upstream.js';

const FIRST = 'Hello there.';
const SPARE = 'The spare partner answers.';
const SSE_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
const EVENTS = chatEvents().join('');
const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

/** Answers that no HTTP client may take for a good one. */
const NOT_HTTP: readonly (readonly [string, string])[] = [
  ['no HTTP at all', EVENTS],
  ['a status line that is cut', 'HTTP/1.1 20'],
  ['a status that is no number', `HTTP/1.1 OK 200\r\n\r\n${EVENTS}`],
  ['headers without end', `${SSE_HEAD}x-more: ${'a'.repeat(70_000)}\r\n\r\n${EVENTS}`],
  ['a header that is no header', `${SSE_HEAD}no colon here\r\n\r\n${EVENTS}`],
  ['a length beside chunks', `${SSE_HEAD}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n${EVENTS}`],
  ['two lengths', `${SSE_HEAD}content-length: 3\r\ncontent-length: 4\r\n\r\n${EVENTS}`],
  ['a length that is not reached', `${SSE_HEAD}content-length: 9000\r\n\r\n: begin\n\n`],
  ['a chunk with a broken size', `${SSE_HEAD}transfer-encoding: chunked\r\n\r\nxyz\r\n${EVENTS}`],
  ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n'],
  ['an empty answer', `${SSE_HEAD}content-length: 0\r\n\r\n`],
  ['an empty JSON answer', `${JSON_HEAD}content-length: 2\r\n\r\n{}`],
  ['a page for people', 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Sign in</html>'],
  ['a compressed answer nobody asked for', `${SSE_HEAD}content-encoding: br\r\n\r\n${'\u0001\u0002'.repeat(40)}`],
];

const upstream = new ScriptedUpstream();
const spare = new ScriptedUpstream(answerChat([SPARE]));
const proxy = new FaultyProxy(() => upstream.port);
let gateway: GatewayApp;
let key: string;
let models = 0;

beforeAll(async () => {
  await Promise.all([upstream.start(), spare.start(), proxy.start()]);
  gateway = await GatewayApp.start({ AIP_BREAKERS: 'off' });
  key = await gateway.key(await gateway.user('analyst'));
});

beforeEach(() => {
  proxy.heal();
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await Promise.all([upstream.stop(), spare.stop(), proxy.stop()]);
});

/** A model whose first partner is behind the proxy, with a spare one. */
async function aModel(origin = `http://127.0.0.1:${String(proxy.port)}`, ttftMs = 300): Promise<string> {
  models += 1;
  const model = `m${String(models)}`;
  const deployment = { timers: { connectMs: 300, ttftMs, idleMs: 300 } };
  await gateway.provider({ name: `first-${model}`, baseUrl: `${origin}/v1`, model, deployment });
  await gateway.provider({ name: `spare-${model}`, baseUrl: spare.url, model, prices: { input: '8', output: '8' } });
  return model;
}

const textOf = (answer: HttpAnswer): string | undefined =>
  answer.json<{ choices?: { message: { content: string } }[] }>().choices?.[0]?.message.content;

/** Asks, and expects the spare partner's answer after a failure of this kind. */
async function expectSpare(model: string, reason: RegExp, faulty = proxy): Promise<void> {
  const { met } = faulty;
  const answer = await gateway.chat(key, { model });
  expect([answer.status, textOf(answer)]).toEqual([200, SPARE]);
  expect(answer.headers['aip-failover']).toMatch(reason);
  const streamed = await gateway.chat(key, { model, stream: true });
  expect(streamed.text).toContain(SPARE);
  expect(streamed.text.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(faulty.met).toBeGreaterThan(met);
}

describe('a connection', () => {
  it('that is refused is left for another partner', async () => {
    const closed = await new FaultyProxy(() => 0).start();
    const { port } = closed;
    await closed.stop();
    const answer = await gateway.chat(key, { model: await aModel(`http://127.0.0.1:${String(port)}`) });
    expect([answer.status, textOf(answer)]).toEqual([200, SPARE]);
    expect(answer.headers['aip-failover']).toMatch(/reason=connect_error$/);
  });

  it.each<[string, ConnectFault, RegExp]>([
    ['reset as soon as it is made', 'reset', /reason=connect_error$/],
    ['accepted by nobody who reads', 'silence', /reason=ttft_timeout$/],
  ])('that is %s is left for another partner', async (_what, fault, reason) => {
    const model = await aModel();
    proxy.connectFault = fault;
    await expectSpare(model, reason);
  });

  it('whose TLS handshake never ends is left after the time for connecting', async () => {
    proxy.connectFault = 'silence';
    await expectSpare(await aModel(`https://127.0.0.1:${String(proxy.port)}`), /reason=connect_error$/);
  });

  it('that answers a TLS handshake with something else is left', async () => {
    const plain = await new FaultyProxy(() => upstream.port).start();
    plain.fault = { afterBytes: 0, then: 'say', bytes: Buffer.from(SSE_HEAD) };
    const model = await aModel(`https://127.0.0.1:${String(plain.port)}`);
    await expectSpare(model, /reason=connect_error$/, plain);
    await plain.stop();
  });

  it('that dies between two calls is replaced, and nobody notices', async () => {
    const model = await aModel();
    expect(textOf(await gateway.chat(key, { model }))).toBe(FIRST);
    proxy.drop();
    const answer = await gateway.chat(key, { model });
    expect([textOf(answer), answer.headers['aip-provider']]).toEqual([FIRST, `first-${model}`]);
  });
});

describe('an answer that is', () => {
  it.each(NOT_HTTP)('%s is left for another partner', async (_what, text) => {
    const model = await aModel();
    proxy.fault = { afterBytes: 0, then: 'say', bytes: Buffer.from(text, 'latin1') };
    await expectSpare(model, /reason=\w+$/);
  });

  it.each([
    ['announced by early hints', `HTTP/1.1 103 Early Hints\r\nlink: </style>\r\n\r\n${SSE_HEAD}\r\n${EVENTS}`],
    ['in HTTP/1.0', `${SSE_HEAD.replace('1.1', '1.0')}\r\n${EVENTS}`],
    ['ended by the end of the connection', `${SSE_HEAD}connection: close\r\n\r\n${EVENTS}`],
    ['in lines that end as in Windows', `${SSE_HEAD}\r\n${EVENTS.replaceAll('\n', '\r\n')}`],
  ])('%s is a good one', async (_what, text) => {
    const model = await aModel();
    proxy.fault = { afterBytes: 0, then: 'say', bytes: Buffer.from(text) };
    const answer = await gateway.chat(key, { model });
    expect([answer.status, textOf(answer), answer.headers['aip-attempts']]).toEqual([200, FIRST, '1']);
  });
});

describe('a caller', () => {
  it('who closes the connection before an answer is one who left: nothing stays held', async () => {
    const model = await aModel(undefined, 20_000);
    proxy.fault = { afterBytes: 0, then: 'silence' };
    const { met } = proxy;
    const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] });
    const { port, hostname } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\n` +
        `content-type: application/json\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    );
    await until('the partner is asked', () => (proxy.met > met ? true : undefined));
    socket.end();
    await once(socket.resume(), 'close');
    await until('nothing is held', async () => {
      const held = await rows(gateway.databaseUrl, `SELECT id FROM hold WHERE state = 'held'`);
      return held.length === 0 ? true : undefined;
    });
    const attempts = await rows(gateway.databaseUrl, `SELECT outcome FROM usage_record WHERE model = '${model}'`);
    expect(attempts).toEqual([{ outcome: 'client_closed' }]);
  });
});
