import { beforeAll, describe, expect, it } from '@jest/globals';

import { ChunkCollector, type ChatCompletion, type EmbeddingResponse } from '../../src/openai/index.js';
import type { Adapter, Dialect, Emission, Exchange } from '../../src/providers/adapters/adapter.js';
import { anthropicChat } from '../../src/providers/adapters/anthropic/openai-anthropic.js';
import { bedrockChat } from '../../src/providers/adapters/bedrock/openai-bedrock.js';
import { geminiChat } from '../../src/providers/adapters/gemini/openai-gemini.js';
import { openAiEmbeddings } from '../../src/providers/adapters/openai/openai-embeddings.js';
import { openAiChat } from '../../src/providers/adapters/openai/openai-openai.js';
import { toOpenAiUsage, type TokenUsage } from '../../src/providers/adapters/usage.js';
import { encodeVector } from '../../src/providers/adapters/vectors.js';
import { aDeploymentView } from '../support/adapter-calls.js';
import { decodeEvents } from '../support/event-stream.js';
import { readExpected } from './recorded-answers.js';
import { bodyOf, hasData, loadCheck, readRecorded, type Check, type Recorded } from './recorded-exchanges.js';

interface Source {
  readonly file: string;
  readonly vendor: string;
  readonly dialect: Dialect;
  readonly adapter: Adapter;
}

const chat = (vendor: string): Source => ({ file: `${vendor}-chat`, vendor, dialect: 'openai', adapter: openAiChat });
const embeddings = (vendor: string): Source => ({
  file: `${vendor}-embeddings`,
  vendor,
  dialect: 'openai',
  adapter: openAiEmbeddings,
});
const SOURCES: readonly Source[] = [
  ...[
    'openai',
    'azure',
    'groq',
    'mistral',
    'deepseek',
    'openrouter',
    'together',
    'huggingface',
    'cerebras',
    'ollama',
    'writer',
    'zai',
  ].map(chat),
  ...['openai', 'mistral', 'ollama'].map(embeddings),
  { file: 'anthropic-messages', vendor: 'anthropic', dialect: 'anthropic', adapter: anthropicChat },
  { file: 'bedrock-converse', vendor: 'bedrock', dialect: 'bedrock', adapter: bedrockChat },
  { file: 'gemini-generateContent', vendor: 'gemini', dialect: 'gemini', adapter: geminiChat },
  { file: 'vertex-generateContent', vendor: 'vertex', dialect: 'gemini', adapter: geminiChat },
];

/** Recordings that differ from `expected` on purpose. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'mistral-chat-40a80b911f49': 'content came as parts, which we join and the recording leaves out',
  'openrouter-chat-87668d3512bc': 'cached and written tokens exceed the prompt, so the written ones are cut to it',
};

/** Recordings of another language than the adapter's: they are told as malformed, never as an answer. */
const OTHER_LANGUAGE = (recorded: Recorded): boolean =>
  recorded.request.path.startsWith('/api/') && recorded.id.startsWith('ollama-');

const FINISH: Readonly<Record<string, string>> = {
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  STOP: 'stop',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
};

function openFor(source: Source, recorded: Recorded): Exchange {
  return source.adapter.open({
    deployment: {
      ...aDeploymentView(source.vendor, { operations: [source.adapter.operation], context: 0 }),
      dialect: source.dialect,
      baseUrl: 'https://vendor.example/v1',
    },
    request: {
      messages: [],
      input: '',
      ...(source.dialect === 'openai' ? recorded.request.body : {}),
      model: 'public',
    },
    requestId: recorded.id,
    outputBound: 100_000,
    endUser: 'pseudonym',
  });
}

type Split = 'whole' | 'events' | 'bytes';

function piecesOf(bytes: Buffer, split: Split): readonly Buffer[] {
  if (split === 'whole') return [bytes];
  if (split === 'events')
    return bytes
      .toString('latin1')
      .split(/(?<=\n\n)/)
      .map((piece) => Buffer.from(piece, 'latin1'));
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** Nobody summed up binary streams, so their events are. */
function expectedOf({ dialect }: Source, recorded: Recorded): Recorded {
  if (recorded.response.base64 === undefined) return recorded;
  return { ...recorded, expected: readExpected(dialect, decodeEvents(bodyOf(recorded))) };
}

function replay(
  source: Source,
  recorded: Recorded,
  split: Split,
): { readonly emissions: readonly Emission[]; readonly exchange: Exchange } {
  const exchange = openFor(source, recorded);
  const emissions: Emission[] = [...exchange.accept(recorded.response.status, recorded.response.headers)];
  for (const piece of piecesOf(bodyOf(recorded), split)) emissions.push(...exchange.push(piece));
  emissions.push(...exchange.end());
  return { emissions, exchange };
}

interface Answer {
  readonly completion: ChatCompletion | null;
  readonly embedding: EmbeddingResponse | null;
  readonly usage: TokenUsage | null;
  readonly failure: string | null;
  readonly isDone: boolean;
}

function understand(emissions: readonly Emission[]): Answer {
  const collector = new ChunkCollector();
  let embedding: EmbeddingResponse | null = null;
  let usage: TokenUsage | null = null;
  let failure: string | null = null;
  let chunks = 0;
  for (const emission of emissions) {
    if (emission.kind === 'chunk') {
      collector.add(emission.chunk);
      chunks += 1;
    }
    if (emission.kind === 'embedding') embedding = emission.response;
    if (emission.kind === 'usage') usage = emission.usage;
    if (emission.kind === 'failure') failure = emission.failure.class;
  }
  const completion = chunks === 0 ? null : collector.collect(usage === null ? null : toOpenAiUsage(usage));
  return { completion, embedding, usage, failure, isDone: emissions.at(-1)?.kind === 'done' };
}

function usageFindings({ usage: expected, usage_raw: raw }: Recorded['expected'], usage: TokenUsage | null): string[] {
  if (expected === null) return usage === null ? [] : ['usage although none was recorded'];
  if (usage === null) return ['no usage'];
  const shown = toOpenAiUsage(usage);
  const written = shown.prompt_tokens_details?.['cache_write_tokens'];
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['input', shown.prompt_tokens, expected.input_total],
    // Mistral's own name of this count, which the sums of the recordings do not know.
    ['cached', usage.cachedInput, raw.at(-1)?.['num_cached_tokens'] ?? expected.cached_read],
    ['written', written, expected.cache_write],
    ['output', shown.completion_tokens, expected.output_total ?? 0],
    ['reasoning', usage.reasoning, expected.reasoning ?? usage.reasoning],
  ];
  return pairs.flatMap(([name, found, wanted]) =>
    found === wanted ? [] : [`${name} ${String(found)} ≠ ${String(wanted)}`],
  );
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

function chatFindings({ expected }: Recorded, { completion, isDone, failure }: Answer): string[] {
  if (completion === null || !isDone) return [`no complete answer: ${failure ?? 'nothing'}`];
  const found: string[] = [];
  // The recordings sum up the first choice where several were asked for.
  const choices = completion.choices.slice(0, expected.finish.length);
  const text = choices.map(({ message }) => message.content ?? '').join('');
  if (text !== (expected.text ?? ''))
    found.push(`text ${JSON.stringify(text).slice(0, 80)} ≠ ${JSON.stringify(expected.text).slice(0, 80)}`);
  const calls = choices.flatMap(({ message }) => message.tool_calls ?? []);
  const calledFor = JSON.stringify(calls.map(({ function: one }) => [one.name, parsed(one.arguments)]));
  const wanted = JSON.stringify(
    (expected.tool_calls ?? []).map((one) => [one.name, parsed(one.arguments === '' ? '{}' : one.arguments)]),
  );
  if (calledFor !== wanted) found.push(`calls ${calledFor.slice(0, 120)} ≠ ${wanted.slice(0, 120)}`);
  const finish = choices.map((choice) => choice.finish_reason).join();
  // Gemini ends answers that call tools like others.
  const wantedFinish = expected.finish
    .map((name) => (name === 'STOP' && calls.length > 0 ? 'tool_calls' : (FINISH[name] ?? name)))
    .join();
  if (finish !== wantedFinish) found.push(`finish ${finish} ≠ ${wantedFinish}`);
  return found;
}

function findingsOf(source: Source, recorded: Recorded): string[] {
  const { emissions, exchange } = replay(source, recorded, 'whole');
  const answer = understand(emissions);
  if (recorded.response.status >= 400) {
    const failure = exchange.classify(recorded.response.status, recorded.response.headers, bodyOf(recorded));
    const outcome = recorded.response.status === 429 ? 'rate_limited' : 'http_error';
    return failure.billed === 'no' && failure.outcome === outcome
      ? []
      : [`failure ${failure.class} ${failure.outcome}`];
  }
  if (recorded.expected.finish.length === 0 && source.adapter.operation === 'chat') {
    return answer.failure === null ? ['an answer without an end ended clean'] : [];
  }
  const usage = usageFindings(recorded.expected, answer.usage);
  if (source.adapter.operation === 'embeddings')
    return [...usage, ...(answer.embedding === null ? ['no vectors'] : [])];
  return [...usage, ...chatFindings(recorded, answer)];
}

/** OpenAI's schema knows vectors as numbers only. */
function asNumbers(response: EmbeddingResponse): unknown {
  return { ...response, data: response.data.map((one) => ({ ...one, embedding: encodeVector(one.embedding, false) })) };
}

const comparable = (emissions: readonly Emission[]): string =>
  JSON.stringify(
    emissions.map((one) =>
      one.kind === 'chunk' ? { ...one, raw: one.raw === null ? null : Buffer.from(one.raw).toString() } : one,
    ),
  );

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('recorded-traffic: left out, ../shared/data is not there\n');

suite('recorded traffic of real vendors', () => {
  let check: Check;
  const all: { readonly source: Source; readonly recorded: Recorded }[] = [];
  beforeAll(async () => {
    check = await loadCheck();
    for (const source of SOURCES)
      for (const recorded of readRecorded(source.file)) all.push({ source, recorded: expectedOf(source, recorded) });
  });
  const own = (): typeof all => all.filter(({ recorded }) => !OTHER_LANGUAGE(recorded));

  it('is understood as it was recorded: text, tool calls, finish and usage', () => {
    const wrong = own().flatMap(({ source, recorded }) => {
      const findings = findingsOf(source, recorded);
      return findings.length === 0 || recorded.id in EXCEPTIONS ? [] : [`${recorded.id}: ${findings.join('; ')}`];
    });
    expect(wrong).toEqual([]);
    expect(Object.keys(EXCEPTIONS).length).toBeLessThanOrEqual(own().length / 100);
  });

  it('gives the same bytes out for the same bytes in, however they are split', () => {
    const differing = own()
      .filter(({ recorded }) => recorded.response.status < 400)
      .flatMap(({ source, recorded }) => {
        const whole = comparable(replay(source, recorded, 'whole').emissions);
        const splits: readonly Split[] = bodyOf(recorded).length > 200_000 ? ['events'] : ['events', 'bytes'];
        return splits
          .filter((split) => comparable(replay(source, recorded, split).emissions) !== whole)
          .map((split) => `${recorded.id} ${split}`);
      });
    expect(differing).toEqual([]);
  }, 120_000);

  it('is valid against the schemas of OpenAI after normalisation, collected and streamed', () => {
    const invalid = own().flatMap(({ source, recorded }) => {
      if (recorded.response.status >= 400) return [];
      const { emissions } = replay(source, recorded, 'whole');
      const { completion, embedding, isDone } = understand(emissions);
      const found = embedding === null ? null : check('CreateEmbeddingResponse', asNumbers(embedding));
      const collected = completion === null || !isDone ? null : check('CreateChatCompletionResponse', completion);
      const streamed = emissions.flatMap((one) =>
        one.kind === 'chunk' ? (check('CreateChatCompletionStreamResponse', one.chunk) ?? []) : [],
      );
      return [found, collected, streamed[0]].flatMap((finding) =>
        typeof finding === 'string' ? [`${recorded.id}: ${finding}`] : [],
      );
    });
    expect(invalid).toEqual([]);
  });

  it('forwards events of the dialect of OpenAI byte for byte where nothing must change', () => {
    const streams = own().filter(
      ({ source, recorded }) => source.vendor === 'openai' && recorded.response.text !== undefined,
    );
    const chunks = streams.flatMap(({ source, recorded }) =>
      replay(source, recorded, 'events').emissions.filter((one) => one.kind === 'chunk'),
    );
    const forwarded = chunks.filter(({ raw }) => raw !== null);
    expect(forwarded.length / chunks.length).toBeGreaterThan(0.9);
    for (const one of forwarded) {
      const text = Buffer.from(one.raw ?? []).toString();
      expect(JSON.parse(text.slice('data: '.length))).toEqual(one.chunk);
      expect(text.endsWith('\n\n')).toBe(true);
    }
  });

  it('never takes another language for an answer', () => {
    for (const { source, recorded } of all.filter((one) => OTHER_LANGUAGE(one.recorded))) {
      expect([recorded.id, understand(replay(source, recorded, 'whole').emissions).failure]).toEqual([
        recorded.id,
        'malformed',
      ]);
    }
  });

  it('refuses no recorded request', () => {
    for (const { source, recorded } of all) expect(openFor(source, recorded).request.body?.length).toBeGreaterThan(2);
  });
});
