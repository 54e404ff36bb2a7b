import { describe, expect, it } from '@jest/globals';

import { aDeploymentView, failureIn } from '../../../../test/support/adapter-calls.js';
import type { DeploymentView, Emission, Exchange, HeaderView } from '../adapter.js';
import { bedrockEmbeddings } from './openai-bedrock-embeddings.js';

const TITAN = 'amazon.titan-embed-text-v2:0';
const COHERE = 'eu.cohere.embed-v4:0';
const NOVA = 'amazon.nova-2-multimodal-embeddings-v1:0';
const JSON_TYPE = { 'content-type': 'application/json' };

const view = (upstreamModel: string, quirks = {}): DeploymentView => ({
  ...aDeploymentView('bedrock', { operations: ['embeddings'] }),
  dialect: 'bedrock',
  upstreamModel,
  quirks,
});
const open = (upstreamModel: string, request: object = {}, quirks = {}): Exchange =>
  bedrockEmbeddings.open({
    deployment: view(upstreamModel, quirks),
    request: { model: 'public', input: 'Hello', ...request },
    requestId: 'r',
    outputBound: 0,
    endUser: '',
  });
const bodyOf = (exchange: Exchange): unknown => JSON.parse(Buffer.from(exchange.request.body ?? []).toString());
const answer = (exchange: Exchange, json: unknown, headers: HeaderView = JSON_TYPE): readonly Emission[] => [
  ...exchange.accept(200, headers),
  ...exchange.push(Buffer.from(JSON.stringify(json))),
  ...exchange.end(),
];
const gapsOf = (upstreamModel: string, request: object, quirks = {}) =>
  bedrockEmbeddings
    .gaps({ model: 'public', input: 'Hello', ...request }, view(upstreamModel, quirks))
    .map(({ member }) => member);

describe('embeddings of Bedrock', () => {
  it.each([
    [TITAN, { inputText: 'Hello', dimensions: 256 }],
    [
      COHERE,
      {
        texts: ['Hello'],
        input_type: 'search_query',
        embedding_types: ['float'],
        truncate: 'NONE',
        output_dimension: 256,
      },
    ],
    [
      NOVA,
      {
        taskType: 'SINGLE_EMBEDDING',
        singleEmbeddingParams: {
          embeddingPurpose: 'GENERIC_RETRIEVAL',
          text: { value: 'Hello', truncationMode: 'NONE' },
          embeddingDimension: 256,
        },
      },
    ],
  ])('asks %s in its own way', (model, body) => {
    const exchange = open(model, { dimensions: 256 }, { inputType: 'search_query' });
    expect(exchange.request.path).toBe(`/model/${encodeURIComponent(model)}/invoke`);
    expect(bodyOf(exchange)).toEqual(body);
  });

  it.each([
    [TITAN, { embedding: [1, 2], inputTextTokenCount: 4 }],
    [COHERE, { embeddings: { float: [[1, 2]] }, response_type: 'embeddings_by_type' }],
    ['cohere.embed-english-v3', { embeddings: [[1, 2]], response_type: 'embeddings_floats' }],
    [NOVA, { embeddings: [{ embeddingType: 'TEXT', embedding: [1, 2] }] }],
  ])('reads vectors of %s, and what is billed from the header', (model, json) => {
    const emissions = answer(open(model), json, { ...JSON_TYPE, 'x-amzn-bedrock-input-token-count': '5' });
    expect(emissions).toEqual([
      {
        kind: 'usage',
        usage: { input: 5, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 },
        billedTier: null,
      },
      {
        kind: 'embedding',
        response: {
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [1, 2] }],
          model,
          usage: { prompt_tokens: 5, total_tokens: 5 },
        },
      },
      { kind: 'done' },
    ]);
  });

  it('takes the count of the body where no header has one, and none where both are silent or odd', () => {
    const usageIn = (emissions: readonly Emission[]) =>
      emissions.flatMap((one) => (one.kind === 'usage' ? [one.usage.input] : []));
    expect(usageIn(answer(open(TITAN), { embedding: [1], inputTextTokenCount: 4 }))).toEqual([4]);
    expect(usageIn(answer(open(TITAN), { embedding: [1] }))).toEqual([]);
    const odd = open(TITAN);
    const headers = { ...JSON_TYPE, 'x-amzn-bedrock-input-token-count': '-5' };
    expect(usageIn(answer(odd, { embedding: [1], inputTextTokenCount: 4 }, headers))).toEqual([]);
    expect(odd.anomalies).toEqual(['refused']);
  });

  it('gives base64 where that is asked for', () => {
    const emissions = answer(open(TITAN, { encoding_format: 'base64' }), { embedding: [1] });
    const [data] = emissions.flatMap((one) => (one.kind === 'embedding' ? one.response.data : []));
    expect(data?.embedding).toBe('AACAPw==');
  });

  it('has gaps for tokens, too many texts and models nobody knows', () => {
    expect(gapsOf(TITAN, { input: ['a', 'b'] })).toEqual(['input']);
    expect(gapsOf(COHERE, { input: ['a', 'b'] })).toEqual([]);
    expect(gapsOf(COHERE, { input: Array.from({ length: 97 }, () => 'a') })).toEqual(['input']);
    expect(gapsOf(COHERE, { input: [[1, 2]] })).toEqual(['input']);
    const profile = 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x';
    expect(gapsOf(profile, {})).toEqual(['model']);
    expect(gapsOf(profile, {}, { embeddingFamily: 'titan' })).toEqual([]);
  });

  it.each([
    ['no vectors', { embeddings: {} }],
    ['a vector that is none', { embeddings: { float: [['x']] } }],
    ['a list', []],
  ])('an answer with %s is malformed', (_name, json) => {
    expect(failureIn(answer(open(COHERE), json))?.class).toBe('malformed');
  });

  it('a refusal is one of Bedrock, and half an answer is no answer', () => {
    const exchange = open(COHERE);
    const { class: failureClass } = exchange.classify(
      429,
      { 'x-amzn-errortype': 'ThrottlingException' },
      Buffer.from('{"message":"Too many requests"}'),
    );
    expect(failureClass).toBe('rate_limited');
    expect(failureIn([...exchange.accept(200, JSON_TYPE), ...exchange.end()])?.class).toBe('truncated');
  });
});
