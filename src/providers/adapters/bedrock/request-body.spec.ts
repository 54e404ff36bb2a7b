import { describe, expect, it } from '@jest/globals';

import { aDeploymentView, openCall, sentBody } from '../../../../test/support/adapter-calls.js';
import type { ChatRequest } from '../../../openai/index.js';
import type { Capabilities, DeploymentView } from '../adapter.js';
import { bedrockChat } from './openai-bedrock.js';

const CLAUDE = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const OLD_CLAUDE = 'anthropic.claude-3-5-sonnet-20241022-v2:0';
const NOVA = 'us.amazon.nova-micro-v1:0';

const view = (upstreamModel = CLAUDE, more: Partial<Capabilities> = {}, quirks = {}): DeploymentView => ({
  ...aDeploymentView('bedrock', more),
  dialect: 'bedrock',
  upstreamModel,
  quirks,
});
const body = (request: object, ...place: Parameters<typeof view>) => sentBody(bedrockChat, view(...place), request);
const asking = (...messages: readonly object[]): object => ({ messages });
const gapsOf = (request: object, ...place: Parameters<typeof view>): readonly string[] =>
  bedrockChat
    .gaps({ model: 'public', messages: [{ role: 'user', content: 'Hello' }], ...request }, view(...place))
    .map(({ member }) => member);
const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object' }, ...more },
});
const called = (id: string, text: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id, type: 'function', function: { name: 'w', arguments: text } }],
});
const SCHEMA = { type: 'json_schema', json_schema: { name: 'City', schema: { type: 'object' } } };

describe('where requests to Bedrock go', () => {
  it('names the model in one segment of the path, whatever it is called', () => {
    const pathOf = (...place: Parameters<typeof view>): string => openCall(bedrockChat, view(...place)).request.path;
    expect(pathOf(CLAUDE)).toBe('/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream');
    expect(pathOf('arn:aws:bedrock:us-east-1:1:inference-profile/x', { stream: false })).toBe(
      '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse',
    );
  });

  it('equal input gives equal bytes, and the model is not in the body', () => {
    expect(openCall(bedrockChat, view()).request.body).toEqual(openCall(bedrockChat, view()).request.body);
    expect(body({})).toEqual({
      messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
      inferenceConfig: { maxTokens: 1_000 },
    });
  });
});

describe('messages for Bedrock', () => {
  it('sets instructions apart, merges turns and puts results first', () => {
    const request = asking(
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'And kind.' }] },
      { role: 'user', content: 'Weather?' },
      called('c1', '{"at":"Bonn"}'),
      { role: 'user', content: 'Please.' },
      { role: 'tool', tool_call_id: 'c1', content: 'Rain' },
    );
    expect(body({ ...request, tools: [tool('w')] })).toMatchObject({
      system: [{ text: 'Be brief.' }, { text: 'And kind.' }],
      messages: [
        { role: 'user', content: [{ text: 'Weather?' }] },
        { role: 'assistant', content: [{ toolUse: { toolUseId: 'c1', name: 'w', input: { at: 'Bonn' } } }] },
        {
          role: 'user',
          content: [{ toolResult: { toolUseId: 'c1', content: [{ text: 'Rain' }] } }, { text: 'Please.' }],
        },
      ],
    });
  });

  it('leaves blank texts out, keeps refusals, and reads arguments that are no JSON as none', () => {
    const request = asking(
      { role: 'system', content: ' ' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '\n' },
          { type: 'text', text: 'Go' },
        ],
      },
      { role: 'assistant', content: '', refusal: 'No.' },
      { role: 'user', content: 'Go on' },
      called('c1', '{"at":'),
      { role: 'tool', tool_call_id: 'c1', content: '' },
    );
    expect(body({ ...request, tools: [tool('w')] })).toMatchObject({
      messages: [
        { content: [{ text: 'Go' }] },
        { content: [{ text: 'No.' }] },
        { content: [{ text: 'Go on' }] },
        { content: [{ toolUse: { input: {} } }] },
        { content: [{ toolResult: { toolUseId: 'c1', content: [] } }] },
      ],
    });
    expect(body(request)).not.toHaveProperty('system');
  });

  it.each([
    ['image/png', 'png'],
    ['image/jpg', 'jpeg'],
    ['IMAGE/WEBP', 'webp'],
  ])('sends an image of type %s as bytes, its format named', (type, format) => {
    const url = `data:${type};base64,AAAA`;
    const request = asking({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] });
    expect(gapsOf(request)).toEqual([]);
    expect(body(request)['messages']).toEqual([
      { role: 'user', content: [{ image: { format, source: { bytes: 'AAAA' } } }] },
    ]);
  });

  it.each([
    ['an image by address', { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } }],
    ['an image of another format', { type: 'image_url', image_url: { url: 'data:image/bmp;base64,AAAA' } }],
    ['an uploaded file', { type: 'file', file: { file_id: 'file-1' } }],
    ['a file by address', { type: 'file', file: { file_data: 'https://files.example/a.pdf' } }],
    ['a file of another format', { type: 'file', file: { file_data: 'data:application/zip;base64,AAAA' } }],
    ['audio', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }],
  ])('cannot take %s', (_name, part) => {
    expect(gapsOf(asking({ role: 'user', content: [part] }))).toEqual([`messages.${part.type}`]);
  });

  it('names documents as Bedrock allows, each differently', () => {
    const file = (file_data: string, filename?: string) => ({ type: 'file', file: { file_data, filename } });
    const content = [
      file('JVBERi0=', 'Q3_report (final).pdf'),
      file('data:application/pdf;base64,JVBERi0=', 'Q3  report (final).pdf'),
      file('data:text/csv;base64,YQ=='),
      file('YQ==', 'notes.MD'),
      file('YQ==', '../../ignore all rules!.txt'),
    ];
    const request = asking({ role: 'user', content });
    expect(gapsOf(request)).toEqual([]);
    const [message] = body(request)['messages'] as { readonly content: readonly { readonly document: object }[] }[];
    expect(message?.content.map(({ document }) => document)).toEqual([
      { format: 'pdf', name: 'Q3 report (final)', source: { bytes: 'JVBERi0=' } },
      { format: 'pdf', name: 'Q3 report (final) 2', source: { bytes: 'JVBERi0=' } },
      { format: 'csv', name: 'Document', source: { bytes: 'YQ==' } },
      { format: 'md', name: 'notes', source: { bytes: 'YQ==' } },
      { format: 'txt', name: 'ignore all rules', source: { bytes: 'YQ==' } },
    ]);
  });

  it('marks up to where a prompt is kept, for models that keep it', () => {
    const text = { type: 'text', text: 'Long', cache_control: { type: 'ephemeral', ttl: '1h' } };
    const request = asking({ role: 'user', content: [text, { type: 'text', text: 'Short' }] });
    expect(body(request)['messages']).toEqual([
      { role: 'user', content: [{ text: 'Long' }, { cachePoint: { type: 'default', ttl: '1h' } }, { text: 'Short' }] },
    ]);
    expect(body(request, 'meta.llama3-2-1b-instruct-v1:0')['messages']).toEqual([
      { role: 'user', content: [{ text: 'Long' }, { text: 'Short' }] },
    ]);
  });

  it('must begin with the user, and end with the assistant only where answers are continued', () => {
    const said = { role: 'assistant', content: 'Hi' };
    expect(gapsOf(asking(said, { role: 'user', content: 'x' }))).toEqual(['messages']);
    expect(gapsOf(asking({ role: 'system', content: 'x' }))).toEqual(['messages']);
    expect(gapsOf(asking({ role: 'user', content: 'x' }, said))).toEqual([]);
    expect(gapsOf(asking({ role: 'user', content: 'x' }, said), CLAUDE, { prefill: false })).toEqual(['messages']);
  });
});

describe('parameters for Bedrock', () => {
  it('names sampling, bound, stops and tier its way', () => {
    const request = { temperature: 0.5, top_p: 0.9, stop: 'END', max_tokens: 7, service_tier: 'flex', seed: 4 };
    expect(gapsOf(request)).toEqual([]);
    expect(bedrockChat.ignored({ ...request, user: 'u' } as unknown as ChatRequest, view())).toEqual(['seed', 'user']);
    expect(body(request)).toMatchObject({
      inferenceConfig: { maxTokens: 1_000, temperature: 0.5, topP: 0.9, stopSequences: ['END'] },
      serviceTier: { type: 'flex' },
    });
    expect(body({}, CLAUDE, { maxOutput: 100 })).toMatchObject({ inferenceConfig: { maxTokens: 100 } });
  });

  it.each([
    [{ temperature: 1.2 }, 'temperature'],
    [{ logit_bias: { 1: 2 } }, 'logit_bias'],
    [{ presence_penalty: 1 }, 'presence_penalty'],
    [{ logprobs: true }, 'logprobs'],
    [{ service_tier: 'scale' }, 'service_tier'],
    [{ tools: [{ type: 'custom' }] }, 'tools'],
    [{ tools: [tool('w')], parallel_tool_calls: false }, 'parallel_tool_calls'],
    [{ n: 9 }, 'n'],
  ])('has no counterpart for %j', (request, member) => {
    expect(gapsOf(request, CLAUDE, { n: false })).toEqual([member]);
  });

  it('makes of several choices as many requests', () => {
    expect(gapsOf({ n: 3 }, CLAUDE, { n: false })).toEqual([]);
    expect(bedrockChat.cost({ n: 3 } as unknown as ChatRequest, view())).toMatchObject({ inputTimes: 3 });
  });

  it('cannot set what a model has fixed', () => {
    expect(gapsOf({ temperature: 0.7, top_p: 0.5 }, 'global.anthropic.claude-opus-4-8')).toEqual([
      'temperature',
      'top_p',
    ]);
  });

  it('lays the guardrail of the provider over every call', () => {
    const quirks = { guardrail: { identifier: 'gr-1', version: '3' } };
    expect(body({}, CLAUDE, {}, quirks)['guardrailConfig']).toEqual({
      guardrailIdentifier: 'gr-1',
      guardrailVersion: '3',
      streamProcessingMode: 'sync',
    });
    expect(body({}, CLAUDE, {}, { guardrail: { identifier: 7 } })).not.toHaveProperty('guardrailConfig');
  });
});

describe('tools and shapes for Bedrock', () => {
  it('passes tools and the choice between them', () => {
    const described = tool('w', { description: 'Weather', strict: true });
    expect(body({ tools: [described] })['toolConfig']).toEqual({
      tools: [
        { toolSpec: { name: 'w', description: 'Weather', inputSchema: { json: { type: 'object' } }, strict: true } },
      ],
    });
    const choice = (tool_choice: unknown) =>
      (body({ tools: [tool('w')], tool_choice }, NOVA)['toolConfig'] as { readonly toolChoice?: unknown }).toolChoice;
    expect(choice('auto')).toBeUndefined();
    expect(choice('required')).toEqual({ any: {} });
    expect(choice({ type: 'function', function: { name: 'w' } })).toEqual({ tool: { name: 'w' } });
    expect(JSON.stringify(body({ tools: [described] }, NOVA))).not.toContain('strict');
  });

  it('leaves tools out where none may be called', () => {
    expect(body({ tools: [tool('w')], tool_choice: 'none' })).not.toHaveProperty('toolConfig');
  });

  it('offers nothing but a placeholder where calls are history and none may follow', () => {
    const request = asking({ role: 'user', content: 'x' }, called('c1', '{}'), {
      role: 'tool',
      tool_call_id: 'c1',
      content: 'y',
    });
    for (const tools of [{}, { tools: [tool('w')], tool_choice: 'none' }]) {
      expect(body({ ...request, ...tools })['toolConfig']).toMatchObject({
        tools: [{ toolSpec: { name: 'unavailable' } }],
      });
    }
  });

  it('asks for a schema natively where the model has it, else by one forced tool', () => {
    expect(body({ response_format: SCHEMA })).toMatchObject({
      outputConfig: {
        textFormat: { type: 'json_schema', structure: { jsonSchema: { name: 'City', schema: '{"type":"object"}' } } },
      },
    });
    for (const model of [NOVA, OLD_CLAUDE]) {
      expect(body({ response_format: SCHEMA }, model)['toolConfig']).toMatchObject({
        tools: [{ toolSpec: { name: 'structured_answer', inputSchema: { json: { type: 'object' } } } }],
        toolChoice: { tool: { name: 'structured_answer' } },
      });
      expect(gapsOf({ response_format: SCHEMA, tools: [tool('w')] }, model)).toEqual(['response_format']);
    }
    expect(body({ response_format: SCHEMA }, NOVA, {}, { structured: 'format' })).toHaveProperty('outputConfig');
    expect(body({ response_format: { type: 'json_object' } })).toHaveProperty('toolConfig.toolChoice.tool');
  });
});

describe('reasoning for Bedrock', () => {
  const fields = (model: string, effort: string, more: object = {}): unknown =>
    body({ reasoning_effort: effort, ...more }, model, { reasoning: true })['additionalModelRequestFields'];

  it('is asked for in the way of each family', () => {
    const thinks = { reasoning: true };
    expect(fields('us.anthropic.claude-opus-4-6-v1', 'high')).toEqual({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
    expect(fields('us.amazon.nova-2-lite-v1:0', 'low')).toEqual({
      reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' },
    });
    expect(fields('openai.gpt-oss-120b-1:0', 'high')).toEqual({ reasoning_effort: 'high' });
    expect(fields('qwen.qwen3-32b-v1:0', 'high')).toEqual({ reasoning_config: 'high' });
    expect(fields(CLAUDE, 'none')).toBeUndefined();
    expect(gapsOf({ reasoning_effort: 'high' }, 'us.amazon.nova-2-lite-v1:0', thinks)).toEqual(['reasoning_effort']);
    expect(gapsOf({ reasoning_effort: 'high' }, 'meta.llama3-2-1b-instruct-v1:0', thinks)).toEqual([
      'reasoning_effort',
    ]);
    expect(gapsOf({ reasoning_effort: 'high' }, CLAUDE)).toEqual(['reasoning_effort']);
  });

  it('gets a budget below the bound, or none where the bound is too small', () => {
    const ask = (outputBound: number): unknown => {
      const { request } = bedrockChat.open({
        deployment: view(CLAUDE, { reasoning: true }),
        request: { model: 'm', messages: [{ role: 'user', content: 'x' }], reasoning_effort: 'medium', top_p: 0.9 },
        requestId: 'r',
        outputBound,
        endUser: '',
      });
      return JSON.parse(Buffer.from(request.body ?? []).toString());
    };
    expect(ask(4_000)).toMatchObject({
      inferenceConfig: { maxTokens: 4_000 },
      additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 3_000 } },
    });
    expect(ask(4_000)).not.toHaveProperty('inferenceConfig.topP');
    expect(ask(1_000)).not.toHaveProperty('additionalModelRequestFields');
    expect(ask(1_000)).toHaveProperty('inferenceConfig.topP', 0.9);
  });

  it('goes back to Claude with its signature, and is off for a turn that lost it', () => {
    const state = { reasoningText: { text: 'Hm.', signature: 'sig' } };
    const turn = { ...called('c1', '{}'), extra_content: { bedrock: { reasoning_blocks: [state, { other: 1 }] } } };
    const result = { role: 'tool', tool_call_id: 'c1', content: 'y' };
    const ask = (assistant: object) => ({
      ...asking({ role: 'user', content: 'x' }, assistant, result),
      tools: [tool('w')],
      reasoning_effort: 'high',
    });
    const model = 'us.anthropic.claude-opus-4-6-v1';
    const sent = body(ask(turn), model, { reasoning: true });
    expect(sent).toHaveProperty('messages.1.content.0', { reasoningContent: state });
    expect(sent).toHaveProperty('additionalModelRequestFields.thinking');
    const lost = body(ask(called('c1', '{}')), model, { reasoning: true });
    expect(lost).not.toHaveProperty('additionalModelRequestFields');
    expect(JSON.stringify(lost)).not.toContain('reasoningContent');
  });

  it('of Claude goes with no forced tool and no temperature', () => {
    const more = { reasoning_effort: 'high', tools: [tool('w')] };
    expect(gapsOf({ ...more, tool_choice: 'required' }, CLAUDE, { reasoning: true })).toEqual(['reasoning_effort']);
    expect(gapsOf({ ...more, temperature: 0.2 }, CLAUDE, { reasoning: true })).toEqual(['temperature']);
  });
});
