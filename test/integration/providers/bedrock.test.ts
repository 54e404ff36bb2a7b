import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Deployment } from '../../../src/providers/domain/deployment.js';
import { encodeEvents, encodeException } from '../../support/event-stream.js';
import { ScriptedUpstream, type Script } from '../../support/scripted-upstream.js';
import { CallRig } from './call-rig.js';

const KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const MODEL = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const USAGE = { inputTokens: 12, outputTokens: 5, totalTokens: 17, cacheReadInputTokens: 0 };

const delta = (text: string) => ({ contentBlockDelta: { contentBlockIndex: 0, delta: { text } } });
const WHOLE = encodeEvents(
  { messageStart: { role: 'assistant' } },
  delta('Hello'),
  delta(' there.'),
  { messageStop: { stopReason: 'end_turn' } },
  { metadata: { usage: USAGE } },
);
/** Answers with these bytes, in two writes. */
const stream =
  (bytes: Buffer): Script =>
  async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
    response.write(bytes.subarray(0, 100));
    await new Promise(setImmediate);
    response.end(bytes.subarray(100));
  };

let upstream: ScriptedUpstream;
let other: ScriptedUpstream;
let rig: CallRig;
beforeEach(async () => {
  upstream = await new ScriptedUpstream(stream(WHOLE)).start();
  other = await new ScriptedUpstream().start();
  rig = new CallRig();
});
afterEach(async () => {
  await rig.stop();
  await upstream.stop();
  await other.stop();
});

function signed(secret = `${KEY_ID}:${SECRET_KEY}`, more: Partial<Deployment> = {}): Deployment {
  const deployment = rig.deployment(`http://127.0.0.1:${String(upstream.port)}`, {
    vendor: 'bedrock',
    dialect: 'bedrock',
    upstreamModel: MODEL,
    region: 'eu-central-1',
    ...more,
  });
  const credential = rig.credential(deployment.providerId, secret, { scheme: 'sigv4' });
  rig.adopt([credential]);
  return { ...deployment, credentialIds: [credential.id] };
}

describe('calls of Bedrock', () => {
  it('are signed for their region, with the id of the key and never with the key', async () => {
    const { text, call } = await rig.run([signed()]);
    expect(text).toBe('Hello there.');
    expect(call.attempts).toMatchObject([
      { outcome: 'ok', usage: { input: 12, cachedInput: 0, cacheWrite: 0, output: 5, reasoning: 0 } },
    ]);
    const [seen] = upstream.seen;
    expect(seen?.path).toBe('/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream');
    expect(seen?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(seen?.headers['x-amz-date']).toMatch(/^\d{8}T\d{6}Z$/);
    expect(JSON.stringify(seen?.headers)).not.toContain(SECRET_KEY);
  });

  it('with temporary keys carry their token', async () => {
    await rig.run([signed(`${KEY_ID}:${SECRET_KEY}:IQoJb3JpZ2luX2VjEXAMPLE`)]);
    expect(upstream.seen[0]?.headers).toMatchObject({
      'x-amz-security-token': 'IQoJb3JpZ2luX2VjEXAMPLE',
      authorization: expect.stringContaining('x-amz-security-token, Signature=') as unknown,
    });
  });

  it.each([
    ['an exception before the first delta', encodeException('throttlingException', { message: 'x' }), 'rate_limited'],
    ['a broken frame', Buffer.concat([WHOLE.subarray(0, 90), Buffer.alloc(100)]), 'malformed'],
    ['a cut before the first delta', WHOLE.subarray(0, 130), 'truncated'],
  ])('%s moves the call on, unseen', async (_name, bytes, failureClass) => {
    upstream.next(stream(bytes));
    const { text, call, error } = await rig.run([signed(), rig.deployment(other.url)]);
    expect([text, error]).toEqual(['Hello there.', undefined]);
    expect(call.attempts).toMatchObject([{ failureClass }, { outcome: 'ok' }]);
  });

  it('an exception after a delta ends in an error, not clean', async () => {
    const broken = encodeException('modelStreamErrorException', { message: 'x' });
    upstream.next(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
      response.write(encodeEvents(delta('Hel')));
      await new Promise((resolve) => setTimeout(resolve, 50));
      response.end(broken);
    });
    const { text, error, call } = await rig.run([signed(), rig.deployment(other.url)]);
    expect(text).toBe('Hel');
    expect(error).toBeDefined();
    expect(call.attempts).toMatchObject([{ failureClass: 'server', outcome: 'error_in_body' }]);
  });

  it.each([
    ['keys that are none', 'no-keys', {}],
    ['a region nobody named', undefined, { region: null }],
  ])('%s fail the attempt before anything is sent', async (_name, secret, more) => {
    const { text, call } = await rig.run([signed(secret, more), rig.deployment(other.url)]);
    expect(text).toBe('Hello there.');
    expect(call.attempts).toMatchObject([{ failureClass: 'credential' }, { outcome: 'ok' }]);
    expect(upstream.seen).toEqual([]);
  });
});
