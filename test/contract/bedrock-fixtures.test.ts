import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import type { EmbeddingRequest } from '../../src/openai/index.js';
import type { Adapter, DeploymentView } from '../../src/providers/adapters/adapter.js';
import { bedrockChat } from '../../src/providers/adapters/bedrock/openai-bedrock.js';
import { bedrockEmbeddings } from '../../src/providers/adapters/bedrock/openai-bedrock-embeddings.js';
import { aDeploymentView } from '../support/adapter-calls.js';
import { bodyOf, DATA, hasData, readRecorded, type Recorded } from './recorded-exchanges.js';

type Body = Readonly<Record<string, unknown>>;
interface Block {
  readonly text?: string;
  readonly toolUse?: { readonly toolUseId: string; readonly name: string; readonly input: object };
  readonly toolResult?: { readonly toolUseId: string; readonly content: readonly Block[] };
  readonly image?: { readonly format: string; readonly source: { readonly bytes?: string } };
  readonly [member: string]: unknown;
}
interface Converse {
  readonly messages: readonly { readonly role: string; readonly content: readonly Block[] }[];
  readonly system?: readonly Block[];
  readonly toolConfig?: { readonly tools: readonly Body[]; readonly toolChoice?: Body };
  readonly [member: string]: unknown;
}

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('bedrock-fixtures: left out, ../shared/data is not there\n');

function sent(adapter: Adapter, upstreamModel: string, request: object, quirks: Body = {}): unknown {
  const deployment: DeploymentView = {
    ...aDeploymentView('bedrock', { operations: [adapter.operation] }),
    dialect: 'bedrock',
    upstreamModel,
    quirks,
  };
  const asked = { model: 'public', ...request } as never;
  expect(adapter.gaps(asked, deployment)).toEqual([]);
  const { request: wire } = adapter.open({
    deployment,
    request: asked,
    requestId: 'r',
    outputBound: 1_024,
    endUser: '',
  });
  return JSON.parse(Buffer.from(wire.body ?? []).toString());
}

function lingua(name: string): Readonly<Record<string, Readonly<Record<string, Body>>>> {
  const file = new URL(`fixtures/lingua/${name}.json`, DATA);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly formats: Record<string, Record<string, Body>> }).formats;
}

const textIn = (blocks: readonly Block[] = []): string => blocks.map(({ text }) => text ?? '').join('');

/** Blocks that OpenAI's language can name, and nothing else: marks, reasoning and addresses in S3 have no place in it. */
const isNameable = ({ text, toolUse, image, toolResult }: Block): boolean =>
  text !== undefined ||
  toolUse !== undefined ||
  image?.source.bytes !== undefined ||
  toolResult?.content.every((one) => one.text !== undefined) === true;

const isNameableTurn = ({ content }: Converse['messages'][number]): boolean => content.every(isNameable);

/** The messages of a recorded request in OpenAI's language. */
function inOpenAi({ messages, system }: Converse): readonly object[] {
  const turns = messages.flatMap(({ role, content }): object[] => {
    const calls = content.flatMap(({ toolUse }) =>
      toolUse === undefined
        ? []
        : [
            {
              id: toolUse.toolUseId,
              type: 'function',
              function: { name: toolUse.name, arguments: JSON.stringify(toolUse.input) },
            },
          ],
    );
    const results = content.flatMap(({ toolResult: result }) =>
      result === undefined
        ? []
        : [{ role: 'tool', tool_call_id: result.toolUseId, content: result.content.map(asPart) }],
    );
    const said = content.filter(({ toolUse, toolResult }) => toolUse === undefined && toolResult === undefined);
    const spoken = { role, content: said.map(asPart), ...(calls.length === 0 ? {} : { tool_calls: calls }) };
    return [...results, ...(said.length + calls.length === 0 ? [] : [spoken])];
  });
  return [...(system ?? []).map(({ text }) => ({ role: 'system', content: text })), ...turns];
}

const asPart = ({ text, image }: Block): object =>
  image === undefined
    ? { type: 'text', text }
    : { type: 'image_url', image_url: { url: `data:image/${image.format};base64,${image.source.bytes ?? ''}` } };

/** The request without what one side need not name: how a result went, which is a success anyway. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name, one]) => !(name === 'status' && one === 'success'));
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one)]));
}

const modelIn = ({ request }: Recorded): string =>
  decodeURIComponent(/^\/model\/([^/]+)\//.exec(request.path)?.[1] ?? '');

suite('recorded requests to Bedrock', () => {
  it.each(['complexReasoningRequest', 'reasoningRequest'])(
    'turns of one request in both languages are the same: %s',
    (name) => {
      const { 'chat-completions': openAi = {}, bedrock = {} } = lingua(name);
      const wanted = bedrock['request'] as unknown as Converse & { readonly modelId: string };
      const { messages } = openAi['request'] as { readonly messages: readonly object[] };
      expect(sent(bedrockChat, wanted.modelId, { messages })).toMatchObject({ messages: wanted.messages });
    },
  );

  it('a document that was recorded is sent with its bytes, its format and its name', () => {
    const { bedrock = {} } = lingua('bedrockDocumentCitationStreamingParam');
    const { messages, modelId } = bedrock['request'] as unknown as Converse & { readonly modelId: string };
    const [block, question] = messages[0]?.content ?? [];
    const { name, source } = block?.['document'] as { name: string; source: { bytes: Record<string, number> } };
    const bytes = Buffer.from(Object.values(source.bytes)).toString('base64');
    const content = [
      { type: 'file', file: { filename: `${name}.txt`, file_data: `data:text/plain;base64,${bytes}` } },
      { type: 'text', text: question?.text },
    ];
    expect(sent(bedrockChat, modelId, { messages: [{ role: 'user', content }] })).toMatchObject({
      messages: [{ role: 'user', content: [{ document: { name, format: 'txt', source: { bytes } } }, question] }],
    });
  });

  it('recorded conversations told in the language of OpenAI are sent as they were', () => {
    const told = readRecorded('bedrock-converse').flatMap((recorded) => {
      // One body was recorded as a text that is no JSON.
      const converse = recorded.request.body as unknown as Converse;
      const isTold = typeof recorded.request.body === 'object' && converse.messages.every(isNameableTurn);
      return isTold ? [{ recorded, converse }] : [];
    });
    expect(told.length).toBeGreaterThan(20);
    for (const { recorded, converse } of told) {
      const tools = (converse.toolConfig?.tools ?? []).flatMap(({ toolSpec }) =>
        toolSpec === undefined ? [] : [asTool(toolSpec as Body)],
      );
      const request = { messages: inOpenAi(converse), ...(tools.length === 0 ? {} : { tools }) };
      const { messages, system, toolConfig } = sent(bedrockChat, modelIn(recorded), request) as Converse;
      expect([recorded.id, messages]).toEqual([recorded.id, plain(converse.messages)]);
      expect([recorded.id, textIn(system)]).toEqual([recorded.id, textIn(converse.system)]);
      expect([recorded.id, toolConfig?.tools ?? []]).toEqual([
        recorded.id,
        (converse.toolConfig?.tools ?? []).filter(({ toolSpec }) => toolSpec !== undefined),
      ]);
    }
  });

  it('recorded embeddings are asked for alike, and their vectors and counts come out', () => {
    const models = { 'titan-profile': 'titan', 'cohere.embed': 'cohere', 'amazon.nova-2-multimodal': 'nova' } as const;
    const recordings = readRecorded('bedrock-invoke').filter(({ response }) =>
      /"embeddings?":/.test(JSON.stringify(response.json ?? '').slice(0, 40)),
    );
    expect(recordings).toHaveLength(3);
    for (const recorded of recordings) {
      const model = modelIn(recorded);
      const family = Object.entries(models).find(([name]) => model.includes(name))?.[1] ?? 'titan';
      const deployment = { ...aDeploymentView('bedrock'), upstreamModel: model, quirks: { embeddingFamily: family } };
      const request = { model: 'public', input: 'Hello' } as EmbeddingRequest;
      const exchange = bedrockEmbeddings.open({ deployment, request, requestId: 'r', outputBound: 0, endUser: '' });
      const emissions = [
        ...exchange.accept(200, recorded.response.headers),
        ...exchange.push(bodyOf(recorded)),
        ...exchange.end(),
      ];
      const count = Number(recorded.response.headers['x-amzn-bedrock-input-token-count']);
      expect(emissions).toContainEqual(
        expect.objectContaining({ kind: 'usage', usage: expect.objectContaining({ input: count }) as unknown }),
      );
      expect(emissions.at(-1)?.kind).toBe('done');
      const [vector] = emissions.flatMap((one) => (one.kind === 'embedding' ? one.response.data : []));
      expect(vector?.embedding.length).toBeGreaterThanOrEqual(256);
      const { path, body } = exchange.request;
      expect(path).toBe(recorded.request.path);
      const asked = JSON.parse(Buffer.from(body ?? []).toString()) as Body;
      const text = Object.keys(recorded.request.body).find((name) => ['inputText', 'texts', 'taskType'].includes(name));
      expect(Object.keys(asked)).toContain(text);
    }
  });
});

const asTool = ({ name, description, inputSchema, strict }: Body): object => ({
  type: 'function',
  function: {
    name,
    ...(description === undefined ? {} : { description }),
    parameters: (inputSchema as { readonly json: unknown }).json,
    ...(strict === undefined ? {} : { strict }),
  },
});
