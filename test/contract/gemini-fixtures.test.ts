import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { ChunkCollector, type ChatCompletion } from '../../src/openai/index.js';
import type { Emission, Exchange } from '../../src/providers/adapters/adapter.js';
import { geminiChat } from '../../src/providers/adapters/gemini/openai-gemini.js';
import { geminiEmbeddings } from '../../src/providers/adapters/gemini/openai-gemini-embeddings.js';
import { toOpenAiUsage } from '../../src/providers/adapters/usage.js';
import { answer, aDeploymentView, failureIn, openCall, stream } from '../support/adapter-calls.js';
import { DATA, hasData, loadCheck, type Check } from './recorded-exchanges.js';

interface Part {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly id?: string; readonly name?: string; readonly args?: object };
  readonly functionResponse?: { readonly id?: string; readonly name: string; readonly response: object };
  readonly [member: string]: unknown;
}
interface Content {
  readonly role?: string;
  readonly parts?: readonly Part[];
}
interface Generated {
  readonly candidates?: readonly { readonly content?: Content }[];
  readonly usageMetadata?: Readonly<Record<string, number>>;
}
interface Asked {
  readonly model?: string;
  readonly contents: readonly Content[];
  readonly [member: string]: unknown;
}
interface GoogleForm {
  readonly request: Asked;
  readonly response?: Generated;
  readonly 'response-streaming'?: readonly Generated[];
  readonly 'followup-request'?: Asked;
}
type OpenAiBody = Readonly<Record<string, unknown>> & { readonly messages: readonly object[] };
interface Case {
  readonly name: string;
  readonly google: GoogleForm;
  readonly openAi: OpenAiBody | undefined;
}

const LINGUA = new URL('fixtures/lingua/', DATA);
const VERCEL = new URL('fixtures/vercel-ai/', DATA);

/** Cases whose two requests ask for different things. */
const OTHERWISE_ASKED: Readonly<Record<string, string>> = {
  multimodalRequest: 'the image is inline in one request and an address in the other',
};

function readCases(): readonly Case[] {
  return readdirSync(LINGUA).flatMap((file): Case[] => {
    const { formats } = JSON.parse(readFileSync(new URL(file, LINGUA), 'utf8')) as {
      readonly formats: {
        readonly google?: GoogleForm;
        readonly 'chat-completions'?: { readonly request?: OpenAiBody };
      };
    };
    const { google } = formats;
    if (google === undefined) return [];
    return [{ name: file.replace('.json', ''), google, openAi: formats['chat-completions']?.request }];
  });
}

function openFor({ google }: Case, request: object): Exchange {
  const reasoning = 'reasoning_effort' in request;
  const deployment = {
    ...aDeploymentView('gemini', { reasoning }),
    dialect: 'gemini' as const,
    upstreamModel: google.request.model ?? 'gemini-2.5-flash',
  };
  return openCall(geminiChat, deployment, request);
}
const bodyOf = ({ request }: Exchange): unknown => JSON.parse(Buffer.from(request.body ?? []).toString());

/** A request by what it means: schemas of one spelling, no ids, no thoughts, no members that only one side has to name. */
function meaningOf(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) {
    const kept = (value as readonly unknown[]).filter((one) => (one as Part | null)?.thought !== true);
    return kept.map((one) => meaningOf(one));
  }
  if (typeof value === 'string') return name === 'type' ? value.toLowerCase() : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([member]) => !['id', 'additionalProperties', 'maxOutputTokens', 'model'].includes(member))
    .map(([member, inner]) => [member === 'parametersJsonSchema' ? 'parameters' : member, meaningOf(inner, member)])
    .filter(([, inner]) => JSON.stringify(inner) !== '{}');
  return Object.fromEntries(entries);
}

const contentsIn = (body: unknown): readonly Content[] =>
  (meaningOf((body as Asked).contents) as readonly Content[])
    .filter(({ parts }) => parts !== undefined && parts.length > 0)
    .map(({ role, parts }) => ({ role: role ?? 'model', parts: parts ?? [] }));

function collect(emissions: readonly Emission[]): ChatCompletion {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  const usage = emissions.flatMap((one) => (one.kind === 'usage' ? [toOpenAiUsage(one.usage)] : [])).at(-1);
  return collector.collect(usage ?? null);
}

/** Text, thoughts and calls of recorded answers, and the usage of the last. */
function saidIn(answers: readonly Generated[]) {
  const parts = answers.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  const textOf = (isThought: boolean): string =>
    parts.map((part) => ((part.thought === true) === isThought ? (part.text ?? '') : '')).join('');
  const usage = answers.at(-1)?.usageMetadata ?? {};
  return {
    text: textOf(false),
    thoughts: textOf(true),
    calls: parts.flatMap(({ functionCall: call }) => (call === undefined ? [] : [[call.name, call.args ?? {}]])),
    prompt: (usage['promptTokenCount'] ?? 0) + (usage['toolUsePromptTokenCount'] ?? 0),
    completion: (usage['candidatesTokenCount'] ?? 0) + (usage['thoughtsTokenCount'] ?? 0),
  };
}

function saidBy(completion: ChatCompletion) {
  const { message } = completion.choices[0] ?? {};
  return {
    text: message?.content ?? '',
    thoughts: message?.reasoning_content ?? '',
    calls: (message?.tool_calls ?? []).map(({ function: one }) => [one.name, JSON.parse(one.arguments) as unknown]),
    prompt: completion.usage?.prompt_tokens,
    completion: completion.usage?.completion_tokens,
  };
}

/** The caller's next turn, as the recorded one: a result for each call, or what the user says. */
function nextTurn({ parts = [] }: Content, { choices }: ChatCompletion): readonly object[] {
  const calls = choices[0]?.message.tool_calls ?? [];
  return parts.map(({ text, functionResponse: result }, at) =>
    result === undefined
      ? { role: 'user', content: text }
      : { role: 'tool', tool_call_id: calls[at]?.id, content: JSON.stringify(result.response) },
  );
}

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;

suite('one logical request in the languages of OpenAI and Google', () => {
  const cases = existsSync(LINGUA) ? readCases() : [];
  let check: Check;
  beforeAll(async () => {
    check = await loadCheck();
  });
  const whole = (one: Case, json: Generated) =>
    answer(openFor(one, {}), JSON.stringify(json), { 'content-type': 'application/json' });

  it('our requests equal the recorded ones in meaning', () => {
    const compared = cases.filter(({ name, openAi }) => openAi !== undefined && !(name in OTHERWISE_ASKED));
    expect(compared.length).toBeGreaterThanOrEqual(14);
    for (const one of compared) {
      // Recorded for a model of OpenAI that takes no temperature.
      const { temperature } = (one.google.request['generationConfig'] ?? {}) as { readonly temperature?: number };
      const sent = meaningOf(bodyOf(openFor(one, { ...one.openAi, temperature })));
      expect([one.name, sent]).toEqual([one.name, meaningOf(one.google.request)]);
    }
  });

  it('recorded answers are understood, whole and streamed', () => {
    const answers = cases.flatMap((one) => {
      const { response, 'response-streaming': events } = one.google;
      return [
        ...(response === undefined ? [] : [{ one, recorded: [response], emissions: whole(one, response) }]),
        ...(events === undefined
          ? []
          : [{ one, recorded: events, emissions: answer(openFor(one, {}), stream(...events)) }]),
      ];
    });
    expect(answers.length).toBeGreaterThanOrEqual(45);
    for (const { one, recorded, emissions } of answers) {
      expect([one.name, failureIn(emissions), emissions.at(-1)?.kind]).toEqual([one.name, undefined, 'done']);
      const completion = collect(emissions);
      expect([one.name, saidBy(completion)]).toEqual([one.name, saidIn(recorded)]);
      expect([one.name, check('CreateChatCompletionResponse', completion)]).toEqual([one.name, null]);
    }
  });

  it('what was answered goes back as Google wants it: turns, results and signatures', () => {
    const continued = cases.filter(({ google, openAi, name }) => {
      return openAi !== undefined && google['followup-request'] !== undefined && !(name in OTHERWISE_ASKED);
    });
    expect(continued.length).toBeGreaterThanOrEqual(12);
    for (const one of continued) {
      const { response = {}, 'followup-request': followup } = one.google;
      const completion = collect(whole(one, response));
      const turn = nextTurn(followup?.contents.at(-1) ?? {}, completion);
      const messages = [...(one.openAi?.messages ?? []), completion.choices[0]?.message, ...turn];
      const sent = bodyOf(openFor(one, { ...one.openAi, messages }));
      expect([one.name, alternating(contentsIn(sent))]).toEqual([one.name, alternating(contentsIn(followup))]);
    }
  });
});

/** Neighbours of one role as one turn: a lost answer leaves two turns of the user behind each other. */
function alternating(contents: readonly Content[]): readonly Content[] {
  const turns: { role: string; parts: Part[] }[] = [];
  for (const { role = 'model', parts = [] } of contents) {
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else turns.push({ role, parts: [...parts] });
  }
  return turns;
}

suite('answers of Google in the fixtures of the Vercel AI SDK', () => {
  const read = (file: string): string => readFileSync(new URL(file, VERCEL), 'utf8');
  const events = (file: string): readonly unknown[] =>
    read(`google/${file}`)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const view = { ...aDeploymentView('vertex'), dialect: 'gemini' as const };
  const calls = (emissions: readonly Emission[]) => {
    expect(emissions.at(-1)?.kind).toBe('done');
    const { message, finish_reason: finish } = collect(emissions).choices[0] ?? {};
    expect(finish).toBe('tool_calls');
    return message?.tool_calls?.map(({ function: one }) => [one.name, JSON.parse(one.arguments) as unknown]);
  };
  const streamed = (file: string) => answer(openCall(geminiChat, view), stream(...events(file)));

  it('a call of a tool, whole and streamed', () => {
    const json = { 'content-type': 'application/json' };
    const once = answer(openCall(geminiChat, view), read('google/google-tool-call.json'), json);
    expect(calls(once)).toEqual([['weather', { location: 'San Francisco' }]]);
    expect(calls(streamed('google-tool-call.chunks.txt'))).toEqual(calls(once));
  });

  it('calls without arguments and with arguments in pieces, side by side', () => {
    expect(calls(streamed('google-stream-no-args-tool-call.chunks.txt'))).toEqual([
      ['read_theme', {}],
      ['read_screen', { id: 'A' }],
      ['read_screen', { id: 'B' }],
      ['read_screen', { id: 'C' }],
    ]);
  });

  it('nested arguments in pieces', () => {
    const [call] = calls(streamed('google-vertex-stream-tool-call-arguments-nested.1.chunks.txt')) ?? [];
    const [name, input] = call as [string, { recipe: { ingredients: object[]; name: string; steps: string[] } }];
    expect([name, Object.keys(input)]).toEqual(['cookRecipe', ['recipe']]);
    expect(input.recipe.name).toMatch(/lasagna/i);
    expect(input.recipe.ingredients.length).toBeGreaterThan(5);
    for (const one of input.recipe.ingredients) expect(one).toMatchObject({ name: expect.any(String) });
    for (const step of input.recipe.steps) expect(step.length).toBeGreaterThan(10);
  });

  it('embeddings of Vertex', () => {
    const recorded = JSON.parse(read('google-vertex/google-vertex-embedding.json')) as {
      readonly predictions: readonly {
        readonly embeddings: { readonly statistics: { readonly token_count: number } };
      }[];
    };
    const input = recorded.predictions.map(() => 'text');
    const emissions = answer(openCall(geminiEmbeddings, view, { input }), JSON.stringify(recorded), {
      'content-type': 'application/json',
    });
    const tokens = recorded.predictions.reduce((sum, one) => sum + one.embeddings.statistics.token_count, 0);
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    expect(emissions).toContainEqual(
      expect.objectContaining({ kind: 'embedding', response: expect.objectContaining({ usage }) }),
    );
  });
});
