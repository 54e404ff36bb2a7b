import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AppError } from '../../../src/platform/errors/index.js';
import type { Deployment } from '../../../src/providers/index.js';
import { TornStreamError } from '../../../src/providers/domain/torn-stream.error.js';
import {
  answerChat,
  answerStatus,
  chatEvents,
  cutAfter,
  reset,
  ScriptedUpstream,
  stallAfter,
  STANDARD_USAGE,
  truncateAfter,
  type Script,
} from '../../support/scripted-upstream.js';
import { CallRig } from './call-rig.js';

const GOOD = 'Hello there.';

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

const hang: Script = () => undefined;

const raw =
  (...parts: readonly string[]): Script =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(parts.join(''));
  };

const ERROR_EVENT = 'data: {"error":{"message":"boom","type":"server_error","code":"internal"}}\n\n';

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

describe('a call that goes well', () => {
  it('hands on the answer with usage and one record', async () => {
    const { call, text, error, emissions } = await rig.run([rig.deployment(healthy.url)]);
    expect(error).toBeUndefined();
    expect(text).toBe(GOOD);
    expect(emissions.at(-1)).toEqual({ kind: 'done' });
    expect(call.usage).toMatchObject({ input: STANDARD_USAGE.prompt_tokens, output: STANDARD_USAGE.completion_tokens });
    expect(call.attempts).toHaveLength(1);
    expect(call.committed).toMatchObject({ n: 1, outcome: 'ok', status: 200, usageSource: 'reported', billed: 'yes' });
    expect(call.answeredModel).toBe('up-1');
    expectBalanced();
  });

  it('tells the provider which request and attempt it is', async () => {
    faulty.next(answerStatus(500, {}));
    const before = healthy.seen.length;
    await rig.run(plan(), { requestId: 'req' });
    expect(healthy.seen[before]?.headers['x-request-id']).toBe('req/2');
  });

  it('uses a connection again', async () => {
    const deployment = rig.deployment(healthy.url);
    const ports = new Set<number | undefined>();
    const noting: Script = (request, response) => {
      ports.add(response.socket?.remotePort);
      return answerChat()(request, response);
    };
    healthy.next(noting, noting, noting);
    for (let count = 0; count < 3; count += 1) {
      await rig.run([deployment]);
      await new Promise(setImmediate);
    }
    expect(ports.size).toBe(1);
  });

  it('counts what no report covers', async () => {
    const events = chatEvents().filter((text) => !text.includes('"usage"'));
    healthy.next(raw(...events));
    const { call, text } = await rig.run([rig.deployment(healthy.url)]);
    expect(text).toBe(GOOD);
    expect(call.committed).toMatchObject({ usage: null, usageSource: 'counted', received: { textBytes: GOOD.length } });
  });

  it('same bytes in, same emissions out, however they are split', async () => {
    const bytes = chatEvents(['Grüße ', 'aus ', '東京']).join('');
    const dribble: Script = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of Buffer.from(bytes)) {
        response.write(Buffer.of(byte));
        if (byte % 7 === 0) await new Promise(setImmediate);
      }
      response.end();
    };
    healthy.next(raw(bytes), dribble);
    const whole = await rig.run([rig.deployment(healthy.url)]);
    const split = await rig.run([rig.deployment(healthy.url)]);
    expect(split.text).toBe('Grüße aus 東京');
    expect(split.emissions).toEqual(whole.emissions);
  });
});

describe('a fault before the first delta', () => {
  const faults: readonly (readonly [string, Script, string, string])[] = [
    ['a reset', reset, 'connect_error', 'none'],
    ['status 500', answerStatus(500, { error: { message: 'x' } }), 'http_error', 'none'],
    ['status 503', answerStatus(503, {}, { 'retry-after': '600' }), 'http_error', 'none'],
    ['status 429', answerStatus(429, { error: { code: 'rate_limit_exceeded' } }), 'rate_limited', 'none'],
    ['a refused credential', answerStatus(401, { error: { code: 'invalid_api_key' } }), 'http_error', 'none'],
    ['a missing model', answerStatus(404, { error: { code: 'model_not_found' } }), 'http_error', 'none'],
    ['silence before headers', hang, 'ttft_timeout', 'estimated'],
    ['silence after headers', stallAfter(0), 'ttft_timeout', 'estimated'],
    ['silence after a role', stallAfter(1), 'ttft_timeout', 'estimated'],
    ['an error inside a 200', raw(ERROR_EVENT), 'error_in_body', 'none'],
    ['an error after a role', raw(chatEvents()[0] ?? '', ERROR_EVENT), 'error_in_body', 'none'],
    ['a clean end without a finish', truncateAfter(1), 'truncated', 'none'],
    ['an empty body', truncateAfter(0), 'truncated', 'none'],
    ['a cut', cutAfter(1), 'truncated', 'estimated'],
    [
      'a web page',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<html>');
      },
      'malformed',
      'none',
    ],
    [
      'a redirect',
      (_request, response) => {
        response.writeHead(302, { location: 'http://127.0.0.1:1/' });
        response.end();
      },
      'malformed',
      'none',
    ],
    [
      'compressed bytes',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
        response.end('xx');
      },
      'malformed',
      'estimated',
    ],
  ];

  it.each(faults)('is answered by the next candidate: %s', async (_name, script, outcome, usageSource) => {
    faulty.next(script);
    const { call, text, error } = await rig.run(plan());
    expect(error).toBeUndefined();
    expect(text).toBe(GOOD);
    expect(call.attempts.map((one) => one.outcome)).toEqual([outcome, 'ok']);
    expect(call.attempts[0]).toMatchObject({ usageSource, usage: null });
    expect(call.served?.providerName).toBe('healthy');
    expectBalanced();
  });

  it('is answered by the next candidate: nobody listens', async () => {
    const { call, text } = await rig.run(plan({ baseUrl: 'http://127.0.0.1:9/v1' }));
    expect(text).toBe(GOOD);
    expect(call.attempts[0]).toMatchObject({ outcome: 'connect_error', billed: 'no', status: null });
    expectBalanced();
  });

  it('is answered by the next candidate: a name that cannot be resolved', async () => {
    const { call, text } = await rig.run(plan({ baseUrl: 'http://partner.invalid/v1' }));
    expect(text).toBe(GOOD);
    expect(call.attempts[0]).toMatchObject({ outcome: 'connect_error', billed: 'no' });
    expectBalanced();
  });

  it('is answered by the next candidate: no TLS where TLS is expected', async () => {
    const { call, text } = await rig.run(plan({ baseUrl: faulty.url.replace('http:', 'https:') }));
    expect(text).toBe(GOOD);
    expect(call.attempts[0]).toMatchObject({ outcome: 'connect_error', billed: 'no' });
  });

  it('is answered by the next candidate: an error whose body never ends', async () => {
    faulty.next((_request, response) => {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.write('{"error":');
    });
    const { call, text } = await rig.run(
      plan({ timers: { connectMs: 1_000, ttftMs: 9_000, idleMs: 9_000, totalMs: 9_000 } }),
    );
    expect(text).toBe(GOOD);
    expect(call.attempts[0]).toMatchObject({ outcome: 'http_error', failureClass: 'server', status: 500 });
    expect(call.attempts[0]?.durationMs).toBeLessThan(3_000);
  });

  it('is answered by the next candidate: an event beyond 1 MiB', async () => {
    faulty.next(raw(`data: {"choices":[{"delta":{"content":"${'x'.repeat(1_200_000)}"}}]}\n\n`));
    const { call, text } = await rig.run(plan());
    expect(text).toBe(GOOD);
    expect(call.attempts[0]?.outcome).toBe('malformed');
  });

  it('is answered by the next candidate once: a refusal that only one provider knows', async () => {
    faulty.next(answerStatus(418, {}), answerStatus(418, {}));
    const one = await rig.run(plan());
    expect(one.text).toBe(GOOD);
    expect(one.call.attempts[0]).toMatchObject({ failureClass: 'caller', status: 418 });
    healthy.next(answerStatus(418, {}));
    const two = await rig.run([...plan(), rig.deployment(healthy.url)]);
    expect(appError(two.error).code).toBe('upstream_rejected');
    expect(two.call.attempts).toHaveLength(2);
  });

  it('is answered by a larger window when the request is too long, never by a smaller one', async () => {
    faulty.next(answerStatus(400, { error: { code: 'context_length_exceeded', message: 'too long' } }));
    const before = healthy.seen.length;
    const { call, text } = await rig.run([
      rig.deployment(faulty.url, { context: 8_000 }),
      rig.deployment(healthy.url, { providerName: 'smaller', context: 4_000 }),
      rig.deployment(healthy.url, { providerName: 'larger', model: 'other', context: 200_000 }),
    ]);
    expect(text).toBe(GOOD);
    expect(call.served?.providerName).toBe('larger');
    expect(healthy.seen).toHaveLength(before + 1);
  });

  it('is answered by the next candidate: something else than HTTP', async () => {
    const server = await listening((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    const { port } = server.address() as AddressInfo;
    const { call, text } = await rig.run(plan({ baseUrl: `http://127.0.0.1:${String(port)}` }));
    expect(text).toBe(GOOD);
    expect(call.attempts[0]?.outcome).toBe('malformed');
    server.close();
  });

  it('is answered by the next candidate: endless chunks that say nothing', async () => {
    const chatter: Script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write((chatEvents()[0] ?? '').repeat(100));
    };
    faulty.next(chatter);
    const { call, text } = await rig.run(plan());
    expect(text).toBe(GOOD);
    expect(call.attempts[0]?.outcome).toBe('malformed');
  });

  it('tries the same deployment once more when a kept-alive connection turns out to be closed', async () => {
    const deployment = rig.deployment(faulty.url);
    await rig.run([deployment]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    faulty.next(reset);
    const { call, text } = await rig.run([deployment, rig.deployment(healthy.url)], { maxAttempts: 1 });
    expect(text).toBe(GOOD);
    expect(call.attempts.map((one) => one.failureClass)).toEqual(['stale_socket', null]);
    expect(call.served?.id).toBe(deployment.id);
    expectBalanced();
  });

  it('costs little more than the fault itself', async () => {
    await rig.run(plan());
    const lost: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      faulty.next(answerStatus(500, {}));
      const startMs = performance.now();
      await rig.run(plan());
      lost.push(performance.now() - startMs);
    }
    lost.sort((one, other) => one - other);
    expect(lost[10]).toBeLessThan(100);
  });
});

describe('a fault after the first delta', () => {
  const cases: readonly (readonly [string, Script, string])[] = [
    ['a cut', cutAfter(3), 'truncated'],
    ['a clean end', truncateAfter(3), 'truncated'],
    ['silence', stallAfter(3), 'idle_timeout'],
    [
      'an error event',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const text of chatEvents().slice(0, 3)) response.write(text);
        setTimeout(() => response.end(ERROR_EVENT), 30);
      },
      'error_in_body',
    ],
  ];

  it.each(cases)('a torn stream never ends clean: %s', async (_name, script, outcome) => {
    faulty.next(script);
    const { call, text, error, emissions } = await rig.run(plan());
    // A clean end may arrive together with the first delta: then nobody has seen it, and the next candidate answers.
    if (error === undefined) {
      expect(call.served?.providerName).toBe('healthy');
      expect(text).toBe(GOOD);
      return;
    }
    expect(error).toBeInstanceOf(TornStreamError);
    expect(text).toBe('Hello there');
    expect(emissions.some(({ kind }) => kind === 'done')).toBe(false);
    expect((error as TornStreamError).attempt).toBe(call.committed);
    expect(call.committed).toMatchObject({ outcome, usageSource: 'counted', received: { textBytes: 11 } });
    expect(call.attempts).toHaveLength(1);
    expectBalanced();
  });
});

describe('when no candidate is left', () => {
  it("a partner's 401 never reaches a caller", async () => {
    faulty.next(answerStatus(401, { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }));
    healthy.next(answerStatus(403, { error: { type: 'permission_error' } }));
    const error = appError((await rig.run(plan())).error);
    expect(error.code).toBe('all_providers_failed');
    expect(error.entry.status).toBe(502);
    expect(error.shouldRetry).toBe(true);
    expect(error.facts.aip?.['attempts']).toMatchObject([
      { n: 1, provider: 'faulty', outcome: 'http_error', status: 401 },
      { n: 2, provider: 'healthy', outcome: 'http_error', status: 403 },
    ]);
    expectBalanced();
  });

  it('advises against a retry once an attempt may have been billed', async () => {
    faulty.next(hang);
    healthy.next(answerStatus(500, {}));
    const error = appError((await rig.run(plan())).error);
    expect(error.code).toBe('all_providers_failed');
    expect(error.shouldRetry).toBe(false);
  });

  it.each([
    ['a time-out', hang, 'upstream_timeout', 504],
    ['a limit', answerStatus(429, {}, { 'retry-after': '7' }), 'no_capacity', 503],
    [
      'a request nobody understands',
      answerStatus(400, { error: { message: 'messages is empty', type: 'invalid_request_error' } }),
      'upstream_rejected',
      400,
    ],
    [
      'a context that is too long',
      answerStatus(400, { error: { code: 'context_length_exceeded', message: 'too long' } }),
      'context_length_exceeded',
      400,
    ],
  ])('answers %s in our own words', async (_name, script, code, status) => {
    faulty.next(script, script, script);
    const error = appError(
      (await rig.run([rig.deployment(faulty.url)], { deadlineAtMs: rig.clock.nowMs() + 2_000 })).error,
    );
    expect(error.code).toBe(code);
    expect(error.entry.status).toBe(status);
    if (code === 'no_capacity') expect(error.facts.retryAfterSeconds).toBe(7);
    expectBalanced();
  });

  it('does not ask the next candidate what the first one called a bad request', async () => {
    const before = healthy.seen.length;
    faulty.next(answerStatus(400, { error: { message: 'messages is empty', type: 'invalid_request_error' } }));
    await rig.run(plan());
    expect(healthy.seen).toHaveLength(before);
  });

  it('repeats a lone deployment after a failure that cannot have been billed', async () => {
    faulty.next(answerStatus(500, {}), reset);
    const { text, call } = await rig.run([rig.deployment(faulty.url)]);
    expect(text).toBe(GOOD);
    expect(call.attempts.map((one) => one.outcome)).toEqual(['http_error', 'connect_error', 'ok']);
    expectBalanced();
  });

  it('stops at the deadline of the request', async () => {
    faulty.next(hang);
    const error = appError((await rig.run(plan(), { deadlineAtMs: rig.clock.nowMs() + 120 })).error);
    expect(error.code).toBe('deadline_exceeded');
    expectBalanced();
  });

  it('makes no more attempts than it may', async () => {
    faulty.next(reset, reset, reset);
    const three = [1, 2, 3].map(() => rig.deployment(faulty.url));
    const { call } = await rig.run(three, { maxAttempts: 2 });
    expect(call.attempts).toHaveLength(2);
  });
});

function listening(onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(onConnection);
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
