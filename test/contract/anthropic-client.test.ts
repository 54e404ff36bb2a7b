import Anthropic from '@anthropic-ai/sdk';
import type {
  Message,
  MessageCreateParamsNonStreaming,
  MessageCreateParamsStreaming,
} from '@anthropic-ai/sdk/resources/messages';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';

import { SystemClock } from '../../src/platform/clock/index.js';
import { SimulatedPartners } from '../../src/providers/index.js';
import { GatewayApp } from '../support/gateway-app.js';
import { ScriptedUpstream, type Script, type SeenRequest } from '../support/scripted-upstream.js';
import { VendorMock } from '../support/vendor-mock.js';

const QUESTION = 'Which of the two vehicles was seen first?';
const INPUT_SCHEMA = {
  type: 'object' as const,
  properties: { plate: { type: 'string', minLength: 1 } },
  required: ['plate'],
};
const SIGHTING = {
  type: 'object',
  properties: { first: { type: 'string' } },
  required: ['first'],
  additionalProperties: false,
};
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

type Ours = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model'>;
/** Sampling belongs to the version of the API that we speak; the client's types describe a newer one, which has lost it. */
type Theirs = Omit<MessageCreateParamsStreaming, 'model' | 'stream'> & { readonly temperature?: number };

describe('the simulated partner in the dialect of Anthropic, asked by its official client', () => {
  const credential = 'sim-credential-0123456789';
  const clock = new SystemClock();
  const partners = new SimulatedPartners({ seed: 7, clock, delays: false, limits: false, credential });
  const ask: MessageCreateParamsNonStreaming = {
    model: 'sim-large',
    max_tokens: 4_000,
    messages: [{ role: 'user', content: QUESTION }],
  };
  let baseURL: string;
  let client: Anthropic;

  beforeAll(async () => {
    const { baseUrls } = await partners.start();
    baseURL = baseUrls['sim-premium'].replace(/\/v1$/, '');
    client = new Anthropic({ baseURL, apiKey: credential, maxRetries: 0 });
  });

  afterAll(() => partners.stop());

  const textOf = ({ content }: Message): string =>
    content.map((block) => (block.type === 'text' ? block.text : '')).join('');

  it('answers a message', async () => {
    const message = await client.messages.create(ask);
    expect([message.type, message.role, message.stop_reason]).toEqual(['message', 'assistant', 'end_turn']);
    expect(textOf(message)).toMatch(/^\[SIMULATED\]/);
    expect(message.usage.input_tokens).toBeGreaterThan(0);
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  it('streams events that the client joins to the same message', async () => {
    const streamed = await client.messages.stream(ask).finalMessage();
    const collected = await client.messages.create(ask);
    expect([textOf(streamed), streamed.stop_reason]).toEqual([textOf(collected), collected.stop_reason]);
    expect(streamed.usage.output_tokens).toBe(collected.usage.output_tokens);
  });

  it('calls a tool, with arguments that the client parsed, and takes the result', async () => {
    const tools = [{ name: 'search_vehicles', description: 'Finds vehicles', input_schema: INPUT_SCHEMA }];
    const first = await client.messages.stream({ ...ask, tools }).finalMessage();
    const call = first.content.find((block) => block.type === 'tool_use');
    if (call === undefined) throw new Error('No tool was called');
    expect([first.stop_reason, call.name, call.input]).toEqual([
      'tool_use',
      'search_vehicles',
      { plate: expect.any(String) },
    ]);
    const second = await client.messages.create({
      ...ask,
      tools,
      messages: [
        ...ask.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'seen at 09:12' }] },
      ],
    });
    expect([second.stop_reason, textOf(second)]).toEqual(['end_turn', expect.stringMatching(/^\[SIMULATED\]/)]);
  });

  it('refuses as Anthropic refuses: the client throws its own errors', async () => {
    const stranger = new Anthropic({ baseURL, apiKey: 'nobody', maxRetries: 0 });
    await expect(stranger.messages.create(ask)).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    const missing = client.messages.create({ ...ask, model: 'nobody-has-it' });
    await expect(missing).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    partners.faults.set({
      partner: 'sim-premium',
      fault: { kind: 'http', status: 429 },
      ratio: 1,
      untilMs: clock.nowMs() + 60_000,
    });
    await expect(client.messages.create(ask)).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    partners.faults.clear({ partner: 'sim-premium' });
  });
});

/** A short answer in the language of Anthropic. */
const answerMessage: Script = (_request, response) => {
  const event = (type: string, more: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const usage = { input_tokens: 3, output_tokens: 1 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(
    event('message_start', { message: { ...message, stop_sequence: null, usage } }) +
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Yes.' } }) +
      event('content_block_stop', { index: 0 }) +
      event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } }) +
      event('message_stop', {}),
  );
};

describe('through the gateway', () => {
  const upstream = new ScriptedUpstream(answerMessage);
  const mock = new VendorMock();
  let gateway: GatewayApp;
  let client: OpenAI;
  let anthropic: Anthropic;
  let model: string;

  beforeAll(async () => {
    await Promise.all([upstream.start(), mock.start()]);
    gateway = await GatewayApp.start();
    const apiKey = await gateway.key(await gateway.user('analyst'));
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
    const origin = `http://127.0.0.1:${String(upstream.port)}`;
    const capabilities = { reasoning: true, prefill: false };
    const made = await mock.register(gateway, 'anthropic', { model: 'claude', origin, capabilities });
    model = made.upstreamModel;
    // The client speaks a newer version unless told otherwise, one that has lost the sampling members.
    const defaultHeaders = { 'anthropic-version': '2023-06-01' };
    anthropic = new Anthropic({ baseURL: origin, apiKey: mock.key, maxRetries: 0, defaultHeaders });
  });

  beforeEach(() => {
    upstream.seen.length = 0;
    mock.clear();
  });

  afterAll(async () => {
    expect(await gateway.ledger()).toEqual([]);
    expect((await gateway.verify()).findings).toEqual([]);
    await gateway.stop();
    await Promise.all([upstream.stop(), mock.stop()]);
  });

  /** What reached the partner for a request in our language, and what the official client sends for the same in Anthropic's. The
   *  latter is typed by that client: a member it does not know does not compile. */
  async function bothRequests(
    ours: Ours,
    theirs: Theirs,
  ): Promise<{ readonly sent: SeenRequest; readonly official: SeenRequest }> {
    const answer = await client.chat.completions.create({ ...ours, model: 'claude' });
    expect(answer.choices[0]).toMatchObject({ message: { content: 'Yes.' }, finish_reason: 'stop' });
    await anthropic.messages.stream({ ...theirs, model }).finalMessage();
    const [sent, official] = upstream.seen;
    if (sent === undefined || official === undefined) throw new Error('Two requests were expected');
    return { sent, official };
  }

  /** Whom a call is for is told as a pseudonym, or not at all. */
  const withoutUser = ({ metadata: _metadata, ...body }: SeenRequest['body']): SeenRequest['body'] => body;

  it.each<[string, Ours, Theirs]>([
    [
      'a question with instructions and sampling',
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: QUESTION },
        ],
        max_completion_tokens: 300,
        temperature: 0.2,
        stop: ['END'],
      },
      {
        system: [{ type: 'text', text: 'Be brief.' }],
        messages: [{ role: 'user', content: [{ type: 'text', text: QUESTION }] }],
        max_tokens: 300,
        temperature: 0.2,
        stop_sequences: ['END'],
      },
    ],
    [
      'a picture, inline and by address',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: QUESTION },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
              { type: 'image_url', image_url: { url: 'https://images.example/one.png' } },
            ],
          },
        ],
        max_completion_tokens: 300,
      },
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: QUESTION },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
              { type: 'image', source: { type: 'url', url: 'https://images.example/one.png' } },
            ],
          },
        ],
        max_tokens: 300,
      },
    ],
    [
      'tools, a call and its result',
      {
        messages: [
          { role: 'user', content: QUESTION },
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              { id: 'toolu_1', type: 'function', function: { name: 'search', arguments: '{"plate":"B-AI 1"}' } },
            ],
          },
          { role: 'tool', tool_call_id: 'toolu_1', content: 'seen at 09:12' },
        ],
        tools: [
          {
            type: 'function',
            function: { name: 'search', description: 'Finds vehicles', parameters: INPUT_SCHEMA },
          },
        ],
        parallel_tool_calls: false,
        max_completion_tokens: 300,
      },
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: QUESTION }] },
          {
            role: 'assistant',
            content: [{ type: 'tool_use', id: 'toolu_1', name: 'search', input: { plate: 'B-AI 1' } }],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'seen at 09:12' }] },
            ],
          },
        ],
        tools: [{ name: 'search', description: 'Finds vehicles', input_schema: INPUT_SCHEMA }],
        tool_choice: { type: 'auto', disable_parallel_tool_use: true },
        max_tokens: 300,
      },
    ],
    [
      'an answer by a schema',
      {
        messages: [{ role: 'user', content: QUESTION }],
        response_format: { type: 'json_schema', json_schema: { name: 'sighting', strict: true, schema: SIGHTING } },
        max_completion_tokens: 300,
      },
      {
        messages: [{ role: 'user', content: [{ type: 'text', text: QUESTION }] }],
        output_config: { format: { type: 'json_schema', schema: SIGHTING } },
        max_tokens: 300,
      },
    ],
    [
      'an effort of reasoning',
      { messages: [{ role: 'user', content: QUESTION }], reasoning_effort: 'low', max_completion_tokens: 4_000 },
      {
        messages: [{ role: 'user', content: [{ type: 'text', text: QUESTION }] }],
        thinking: { type: 'enabled', budget_tokens: 2_048 },
        max_tokens: 4_000,
      },
    ],
  ])('%s is asked as the official client asks it', async (_what, ours, theirs) => {
    const { sent, official } = await bothRequests(ours, theirs);
    expect(withoutUser(sent.body)).toEqual(official.body);
    expect(sent.path).toBe(official.path);
    for (const name of ['anthropic-version', 'content-type'])
      expect([name, sent.headers[name]]).toEqual([name, official.headers[name]]);
    expect(sent.headers['x-api-key']).toBe(mock.key);
  });

  it('what the official client reads from a stream is what our callers get', async () => {
    const direct = new Anthropic({
      baseURL: `http://127.0.0.1:${String(mock.port('anthropic'))}`,
      apiKey: mock.key,
      maxRetries: 0,
    });
    const { upstreamModel } = await mock.register(gateway, 'anthropic', { model: 'mocked' });
    const usage = { input_tokens: 31, output_tokens: 17 };
    mock.add(
      {
        match: { userMessage: 'search' },
        response: { toolCalls: [{ name: 'search', arguments: '{"plate":"B"}' }], usage },
      },
      { match: { userMessage: 'long' }, response: { content: 'It was the', finishReason: 'length', usage } },
      { match: { userMessage: 'first' }, response: { content: 'It was the red one.', usage } },
    );
    const stops = { end_turn: 'stop', max_tokens: 'length', tool_use: 'tool_calls' } as const;
    for (const content of ['Which was first?', 'Be long.', 'Please search.']) {
      const tools = [{ name: 'search', input_schema: INPUT_SCHEMA }];
      const theirs = await direct.messages
        .stream({ model: upstreamModel, max_tokens: 200, messages: [{ role: 'user', content }], tools })
        .finalMessage();
      const ours = await client.chat.completions.create({
        model: 'mocked',
        messages: [{ role: 'user', content }],
        max_completion_tokens: 200,
        tools: [{ type: 'function', function: { name: 'search', parameters: INPUT_SCHEMA } }],
      });
      const [choice] = ours.choices;
      const text = theirs.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
      expect(choice?.message.content ?? '').toBe(text);
      const calls = theirs.content.flatMap((block) => (block.type === 'tool_use' ? [[block.name, block.input]] : []));
      expect(
        (choice?.message.tool_calls ?? []).map((call) =>
          call.type === 'function' ? [call.function.name, JSON.parse(call.function.arguments) as unknown] : [],
        ),
      ).toEqual(calls);
      expect(choice?.finish_reason).toBe(stops[theirs.stop_reason as keyof typeof stops]);
      expect([ours.usage?.prompt_tokens, ours.usage?.completion_tokens]).toEqual([
        theirs.usage.input_tokens,
        theirs.usage.output_tokens,
      ]);
    }
  });
});
