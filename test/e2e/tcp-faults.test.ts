import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { FaultyProxy } from '../support/faulty-proxy.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { jsonEvents } from '../support/recording-fetch.js';
import { VendorMock, type MockedName } from '../support/vendor-mock.js';

const ANSWER = 'Seen at the bridge at 09:12, at the station at 09:16, and not again.';
const SPARE = 'The spare partner answers.';
/** Each byte value, twice, in an order that repeats. */
const GARBAGE = Uint8Array.from({ length: 512 }, (_, n) => (n * 167 + 31) % 256);
const USAGE = { prompt_tokens: 31, completion_tokens: 17, promptTokenCount: 31, candidatesTokenCount: 17 };
const POSITIONS = 12;
/** So short only where silence is the fault: a busy machine may take long for a good answer. */
const IMPATIENT = { ttftMs: 700, idleMs: 300 };
const DIALECTS = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere'] as const satisfies readonly MockedName[];

const mock = new VendorMock();
let gateway: GatewayApp;
let key: string;
let models = 0;

beforeAll(async () => {
  await mock.start();
  // Breakers are off: every call is to meet the fault.
  gateway = await GatewayApp.start({ AIP_BREAKERS: 'off' });
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await mock.stop();
});

interface Streamed {
  readonly text: string;
  readonly isDone: boolean;
  readonly finishes: number;
  readonly errors: number;
}

function readStream(answer: HttpAnswer): Streamed {
  const events = jsonEvents(answer.text) as {
    error?: unknown;
    choices?: { delta: { content?: string | null }; finish_reason: string | null }[];
  }[];
  const choices = events.flatMap((event) => event.choices ?? []);
  return {
    text: choices.map(({ delta }) => delta.content ?? '').join(''),
    isDone: answer.text.endsWith('data: [DONE]\n\n'),
    finishes: choices.filter((choice) => choice.finish_reason !== null).length,
    errors: events.filter((event) => event.error !== undefined).length,
  };
}

const textOf = (answer: HttpAnswer): string | undefined =>
  answer.json<{ choices?: { message: { content: string } }[] }>().choices?.[0]?.message.content;

/** How a streamed answer ended: `whole` or `spare`, by who gave it, or `error` after its first piece; all else is `wrong`. */
function endOf(answer: HttpAnswer): string {
  const { text, isDone, finishes, errors } = readStream(answer);
  if (answer.status === 200 && isDone && finishes === 1 && errors === 0) {
    if (text === ANSWER) return 'whole';
    if (text === SPARE) return 'spare';
  }
  const isPrefix = text !== '' && ANSWER.startsWith(text);
  if (answer.status === 200 && !isDone && errors === 1 && isPrefix) return 'error';
  return `wrong: ${String(answer.status)} ${answer.text}`;
}

describe.each(DIALECTS)('an answer in the language of %s', (name) => {
  const proxy = new FaultyProxy(() => mock.port(name));
  let model: string;
  let answerBytes = 0;

  /** A partner nobody has met, behind the proxy, and a spare one: what was learned of another in the same minute holds none of
   *  its calls back. */
  async function arrange(timers: Readonly<Record<string, number>> = {}): Promise<void> {
    mock.clear();
    models += 1;
    model = `m${String(models)}`;
    const origin = `http://127.0.0.1:${String(proxy.port)}`;
    const { upstreamModel } = await mock.register(gateway, name, { model, origin, timers });
    const spare = await mock.register(gateway, 'openai', { model, price: '9' });
    mock.add(
      {
        match: { model: upstreamModel },
        response: { content: ANSWER, usage: USAGE },
        chunkSize: 9,
        // In more than one piece on the wire: what breaks in the same piece as the first words may still move.
        streamingProfile: { ttft: 1, tps: 1_000 },
      },
      { match: { model: spare.upstreamModel }, response: { content: SPARE, usage: USAGE } },
    );
  }

  beforeAll(async () => {
    await proxy.start();
    await arrange();
    expect(endOf(await gateway.chat(key, { model, stream: true }))).toBe('whole');
    answerBytes = proxy.answered;
  });

  beforeEach(() => {
    proxy.heal();
  });

  afterAll(() => proxy.stop());

  const positions = (): readonly number[] => {
    const step = answerBytes / POSITIONS;
    return [...Array.from({ length: POSITIONS }, (_, n) => Math.floor(n * step)), answerBytes - 2];
  };

  it('an answer in crumbs is whole', async () => {
    proxy.fault = { afterBytes: 0, then: 'dribble', pieceBytes: 3 };
    const answer = await gateway.chat(key, { model, stream: true });
    expect([endOf(answer), proxy.met > 0]).toEqual(['whole', true]);
  });

  it('a kept connection that is dead costs a new one, not the partner', async () => {
    expect(endOf(await gateway.chat(key, { model, stream: true }))).toBe('whole');
    const { met } = proxy;
    proxy.fault = { afterBytes: 0, then: 'reset', onlyReused: true };
    expect(endOf(await gateway.chat(key, { model, stream: true }))).toBe('whole');
    expect(proxy.met).toBe(met + 1);
  });

  it.each(['reset', 'close', 'garbage'] as const)(
    '%s at any byte: another answers, or the stream ends in an error; nothing ends clean that is torn',
    async (kind) => {
      await arrange();
      const ends: string[] = [];
      for (const afterBytes of positions()) {
        proxy.fault = kind === 'garbage' ? { afterBytes, then: 'say', bytes: GARBAGE } : { afterBytes, then: kind };
        const collected = await gateway.chat(key, { model });
        expect([afterBytes, collected.status, [ANSWER, SPARE].includes(textOf(collected) ?? '')]).toEqual([
          afterBytes,
          200,
          true,
        ]);
        ends.push(endOf(await gateway.chat(key, { model, stream: true })));
      }
      expect(ends.filter((end) => end.startsWith('wrong'))).toEqual([]);
      // The fault was met on both sides of the first piece.
      expect(ends[0]).toBe('spare');
      expect(ends).toContain('error');
    },
  );

  it('silence after any byte is left after the time that is allowed', async () => {
    await arrange(IMPATIENT);
    const ends: string[] = [];
    for (const part of [0, 0.1, 0.7]) {
      proxy.fault = { afterBytes: Math.floor(answerBytes * part), then: 'silence' };
      ends.push(endOf(await gateway.chat(key, { model, stream: true })));
    }
    expect(ends).toEqual(['spare', 'spare', 'error']);
  });
});
