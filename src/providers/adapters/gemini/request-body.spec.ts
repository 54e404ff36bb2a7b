import { describe, expect, it } from '@jest/globals';

import { aDeploymentView, openCall, sentBody } from '../../../../test/support/adapter-calls.js';
import type { DeploymentView } from '../adapter.js';
import { geminiChat } from './openai-gemini.js';

const TOOL = { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } };
const call = (id: string, name: string, more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: '{"a":1}' },
  ...more,
});
const signed = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });

const deployment = (
  more: Partial<DeploymentView['capabilities']> = {},
  upstreamModel = 'gemini-2.5-flash',
): DeploymentView => ({ ...aDeploymentView('gemini', { n: false, ...more }), dialect: 'gemini', upstreamModel });
const sent = (request: object, more = {}, model?: string) => sentBody(geminiChat, deployment(more, model), request);
const config = (request: object, more = {}, model?: string) => sent(request, more, model)['generationConfig'];
const contents = (messages: readonly object[], model?: string) => sent({ messages }, {}, model)['contents'];
const gaps = (request: object, more = {}, model?: string) =>
  geminiChat.gaps({ model: 'm', messages: [], ...request }, deployment(more, model)).map(({ member }) => member);

describe('requests to Gemini', () => {
  it('carry instructions, turns and settings by their names there', () => {
    const messages = [
      { role: 'system', content: 'Be kind' },
      { role: 'developer', content: [{ type: 'text', text: 'Be brief' }] },
      { role: 'user', content: 'Hi' },
      { role: 'user', content: 'there' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: '' },
      { role: 'user', content: 'Bye' },
    ];
    const settings = {
      temperature: 0.5,
      top_p: 0.9,
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      stop: '.',
      stream: true,
    };
    expect(sent({ messages, ...settings })).toEqual({
      systemInstruction: { parts: [{ text: 'Be kind' }, { text: 'Be brief' }] },
      contents: [
        { role: 'user', parts: [{ text: 'Hi' }, { text: 'there' }] },
        { role: 'model', parts: [{ text: 'Hello' }] },
        { role: 'user', parts: [{ text: 'Bye' }] },
      ],
      generationConfig: {
        maxOutputTokens: 1_000,
        temperature: 0.5,
        topP: 0.9,
        seed: 7,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        stopSequences: ['.'],
      },
    });
  });

  it('equal input gives equal bytes', () => {
    const bytes = () => openCall(geminiChat, deployment(), { tools: [TOOL] }).request.body;
    expect(bytes()).toEqual(bytes());
  });

  it('say something also when there are only instructions', () => {
    const body = sent({ messages: [{ role: 'system', content: 'Say hi' }] });
    expect(body['contents']).toEqual([{ role: 'user', parts: [{ text: 'Say hi' }] }]);
    expect(body).not.toHaveProperty('systemInstruction');
  });

  it('are bounded by the hold and by what the model can give', () => {
    expect(config({}, { maxOutput: 100 })).toEqual({ maxOutputTokens: 100 });
    expect(config({}, { maxOutput: 5_000 })).toEqual({ maxOutputTokens: 1_000 });
  });

  it('carry images, sound and files inline or by address', () => {
    const image = (url: string) => ({ type: 'image_url', image_url: { url } });
    const file = (members: object) => ({ type: 'file', file: members });
    const content = [
      image('data:image/PNG;base64,AAAA'),
      image('https://host.example/a/cat.webp?size=1'),
      image('https://host.example/cat'),
      { type: 'input_audio', input_audio: { data: 'BBBB', format: 'wav' } },
      file({ file_data: 'data:application/pdf;base64,CCCC' }),
      file({ file_data: 'DDDD', filename: 'notes.txt' }),
      file({ file_data: 'gs://bucket/film.mp4' }),
      file({ file_id: 'https://generativelanguage.googleapis.com/v1beta/files/x', filename: 'x.mp3' }),
    ];
    expect(contents([{ role: 'user', content }])).toEqual([
      {
        role: 'user',
        parts: [
          { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
          { fileData: { mimeType: 'image/webp', fileUri: 'https://host.example/a/cat.webp?size=1' } },
          { fileData: { mimeType: 'image/jpeg', fileUri: 'https://host.example/cat' } },
          { inlineData: { mimeType: 'audio/wav', data: 'BBBB' } },
          { inlineData: { mimeType: 'application/pdf', data: 'CCCC' } },
          { inlineData: { mimeType: 'text/plain', data: 'DDDD' } },
          { fileData: { mimeType: 'video/mp4', fileUri: 'gs://bucket/film.mp4' } },
          { fileData: { mimeType: 'audio/mp3', fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/x' } },
        ],
      },
    ]);
  });

  it('JSON schemas and JSON mode by their names there', () => {
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    const shaped = { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } };
    const json = { responseMimeType: 'application/json' };
    expect(config(shaped)).toMatchObject({ ...json, responseJsonSchema: schema });
    expect(config({ response_format: { type: 'json_object' } })).toEqual({ maxOutputTokens: 1_000, ...json });
    expect(config({ response_format: { type: 'text' } })).toEqual({ maxOutputTokens: 1_000 });
  });

  it('several choices are candidates where the deployment declares it, else as many requests', () => {
    const cost = (n: boolean) => geminiChat.cost({ model: 'm', messages: [], n: 3 }, deployment({ n })).inputTimes;
    expect([config({ n: 3 }, { n: true }), cost(true)]).toEqual([{ maxOutputTokens: 1_000, candidateCount: 3 }, 1]);
    expect([config({ n: 3 }), cost(false)]).toEqual([{ maxOutputTokens: 1_000 }, 3]);
    expect([gaps({ n: 3 }), gaps({ n: 9 }), gaps({ n: 9 }, { n: true })]).toEqual([[], ['n'], ['n']]);
  });

  it('log probabilities are asked for where the deployment has them', () => {
    expect(config({ logprobs: true, top_logprobs: 2 })).toMatchObject({ responseLogprobs: true, logprobs: 2 });
    expect(gaps({ logprobs: true }, { logprobs: false })).toEqual(['logprobs']);
  });

  it('safety settings are the operator’s', () => {
    const safetySettings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }];
    const exchange = openCall(geminiChat, { ...deployment(), quirks: { safetySettings } });
    expect(JSON.parse(Buffer.from(exchange.request.body ?? []).toString())).toMatchObject({ safetySettings });
  });
});

describe('tools of Gemini', () => {
  it.each([
    [undefined, undefined],
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'f' } },
      { mode: 'ANY', allowedFunctionNames: ['f'] },
    ],
  ])('are declared with JSON schemas; choice %j is mode %j', (choice, mode) => {
    const body = sent({ tools: [TOOL, { type: 'function', function: { name: 'g' } }], tool_choice: choice });
    expect(body['tools']).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: 'd', parametersJsonSchema: { type: 'object' } },
          { name: 'g' },
        ],
      },
    ]);
    expect(body['toolConfig']).toEqual(mode === undefined ? undefined : { functionCallingConfig: mode });
  });

  it('calls and their results keep ids and names; results are one turn that follows the calls', () => {
    const messages = [
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: null, tool_calls: [call('c1', 'f'), call('c2', 'g')] },
      { role: 'tool', tool_call_id: 'c1', content: '{"degrees":20}' },
      { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'sunny' }] },
      { role: 'user', content: 'And now?' },
    ];
    expect(contents(messages)).toEqual([
      { role: 'user', parts: [{ text: 'Go' }] },
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'c1', name: 'f', args: { a: 1 } } },
          { functionCall: { id: 'c2', name: 'g', args: { a: 1 } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c1', name: 'f', response: { degrees: 20 } } },
          { functionResponse: { id: 'c2', name: 'g', response: { output: 'sunny' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'And now?' }] },
    ]);
  });

  it('a result without a known call is named by what it says itself', () => {
    const result = (message: object) => contents([{ role: 'tool', content: '[1]', ...message }]);
    const parts = (response: object) => [{ role: 'user', parts: [{ functionResponse: response }] }];
    const response = { output: '[1]' };
    expect(result({ tool_call_id: 'c9', name: 'h' })).toEqual(parts({ id: 'c9', name: 'h', response }));
    expect(result({ tool_call_id: 'c9' })).toEqual(parts({ id: 'c9', name: 'c9', response }));
  });

  it('thought signatures go back where they came from', () => {
    const messages = [
      { role: 'assistant', content: 'Let me see', ...signed('s0') },
      { role: 'assistant', content: null, tool_calls: [call('c1', 'f', signed('s1')), call('c2', 'g')] },
    ];
    expect(contents(messages, 'gemini-3-pro-preview')).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'Let me see', thoughtSignature: 's0' },
          { functionCall: { id: 'c1', name: 'f', args: { a: 1 } }, thoughtSignature: 's1' },
          { functionCall: { id: 'c2', name: 'g', args: { a: 1 } } },
        ],
      },
    ]);
  });

  it('a signature of an empty answer is kept with an empty text', () => {
    expect(contents([{ role: 'assistant', content: null, ...signed('s0') }])).toEqual([
      { role: 'model', parts: [{ text: '', thoughtSignature: 's0' }] },
    ]);
  });

  it('a missing signature is replaced by the documented value, for models that check it and the first call only', () => {
    const foreign = { extra_content: { anthropic: { thinking_blocks: [{ type: 'thinking', signature: 'x' }] } } };
    const messages = [{ role: 'assistant', tool_calls: [call('c1', 'f', foreign), call('c2', 'g')] }];
    const signatures = (model: string) =>
      (contents(messages, model) as { parts: { thoughtSignature?: string }[] }[])[0]?.parts.map(
        (part) => part.thoughtSignature,
      );
    expect(signatures('gemini-3-flash-preview')).toEqual(['skip_thought_signature_validator', undefined]);
    expect(signatures('gemini-2.5-pro')).toEqual([undefined, undefined]);
  });
});

describe('reasoning of Gemini', () => {
  const thinking = (effort: string | null, model: string, reasoning = true) =>
    (config({ reasoning_effort: effort }, { reasoning }, model) as { thinkingConfig?: unknown }).thinkingConfig;

  it.each([
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'MINIMAL', includeThoughts: true }],
    ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'LOW', includeThoughts: true }],
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'MEDIUM', includeThoughts: true }],
    ['gemini-3.1-pro', 'xhigh', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }],
    ['gemini-2.5-flash', 'low', { thinkingBudget: 1_024, includeThoughts: true }],
    ['gemini-2.5-flash', 'high', { thinkingBudget: 24_576, includeThoughts: true }],
  ])('%s with effort %s gets %j', (model, effort, expected) => {
    expect(thinking(effort, model)).toEqual(expected);
  });

  it('thoughts are shown without an effort, and nothing is sent to models that do not reason', () => {
    expect(thinking(null, 'gemini-2.5-flash')).toEqual({ includeThoughts: true });
    expect(thinking('none', 'gemini-2.0-flash', false)).toBeUndefined();
    expect(gaps({ reasoning_effort: 'high' }, { reasoning: false })).toEqual(['reasoning_effort']);
  });

  it('a quirk of the provider decides where the name of the model does not', () => {
    const view = { ...deployment({ reasoning: true }, 'endpoints/1'), quirks: { reasoning: 'budget' } };
    const body = sentBody(geminiChat, view, { reasoning_effort: 'low' });
    expect(body['generationConfig']).toMatchObject({ thinkingConfig: { thinkingBudget: 1_024 } });
  });
});

describe('what Gemini cannot honour', () => {
  const tools = { tools: [TOOL] };
  const json = { response_format: { type: 'json_object' } };
  it.each([
    [{ logit_bias: { '1': 2 } }, ['logit_bias']],
    [{ service_tier: 'flex' }, ['service_tier']],
    [{ modalities: ['text', 'audio'], audio: { voice: 'x' } }, ['modalities', 'audio']],
    [{ web_search_options: { a: 1 } }, ['web_search_options']],
    [{ tools: [{ type: 'custom' }] }, ['tools']],
    [{ ...tools, tool_choice: { type: 'allowed_tools' } }, ['tool_choice']],
    [{ ...tools, parallel_tool_calls: false }, ['parallel_tool_calls']],
    [{ ...tools, ...json }, ['response_format']],
    [{ messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] }, ['messages.file']],
    [{ temperature: 1.5, presence_penalty: 1, logprobs: true, seed: 1, user: 'u', parallel_tool_calls: false }, []],
  ])('of %j it cannot honour %j', (request, members) => {
    expect(gaps(request)).toEqual(members);
  });

  it('current models shape answers beside tools', () => {
    expect(gaps({ ...tools, ...json }, {}, 'gemini-3-flash-preview')).toEqual([]);
  });

  it('advisory members are named when they are not sent', () => {
    const request = { model: 'm', messages: [], seed: 1, user: 'u', metadata: { a: 'b' } };
    expect(geminiChat.ignored(request, deployment())).toEqual(['metadata', 'user']);
    expect(geminiChat.ignored(request, deployment({ seed: false }))).toEqual(['seed', 'metadata', 'user']);
    expect(config({ seed: 1 }, { seed: false })).toEqual({ maxOutputTokens: 1_000 });
  });
});
