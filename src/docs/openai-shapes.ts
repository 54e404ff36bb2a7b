/** Hand-written shapes of `/v1`: its bodies reach the gateway as bytes. They name what every client needs; further members of
 *  OpenAI's format are accepted. Source: the wire contract §2. */

const ref = (name: string): { readonly $ref: string } => ({ $ref: `#/components/schemas/${name}` });
const json = (name: string): object => ({ 'application/json': { schema: ref(name) } });
const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const nullableText = { type: ['string', 'null'] };

const usage = {
  type: 'object',
  required: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
  properties: {
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: { type: 'object', properties: { cached_tokens: count, cache_write_tokens: count } },
    completion_tokens_details: { type: 'object', properties: { reasoning_tokens: count } },
    cost: { type: 'string', description: 'Decimal; only with AIP-Metadata cost or full' },
  },
};

const toolCall = {
  type: 'object',
  required: ['id', 'type', 'function'],
  properties: {
    id: text,
    type: { enum: ['function'] },
    function: { type: 'object', required: ['name', 'arguments'], properties: { name: text, arguments: text } },
  },
};

const choice = (member: 'message' | 'delta', shape: object): object => ({
  type: 'object',
  required: ['index', member, 'finish_reason'],
  properties: {
    index: count,
    [member]: shape,
    finish_reason: { enum: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call', null] },
  },
});

const answer = (object: string, choices: object): object => ({
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices'],
  properties: {
    id: text,
    object: { enum: [object] },
    created: count,
    model: text,
    choices: { type: 'array', items: choices },
    usage: object.endsWith('.chunk') ? { anyOf: [ref('Usage'), { type: 'null' }] } : ref('Usage'),
    aip: { type: 'object', description: 'What the gateway did; only when AIP-Metadata asks for it' },
  },
});

/** Component schemas of `/v1`. */
export const OPENAI_SCHEMAS = {
  Usage: usage,
  ChatMessage: {
    type: 'object',
    required: ['role'],
    properties: {
      role: { enum: ['developer', 'system', 'user', 'assistant', 'tool', 'function'] },
      content: { anyOf: [text, { type: 'array', items: { type: 'object', required: ['type'] } }, { type: 'null' }] },
      name: text,
      tool_calls: { type: 'array', items: toolCall },
      tool_call_id: text,
    },
  },
  ChatRequest: {
    type: 'object',
    required: ['model', 'messages'],
    additionalProperties: true,
    properties: {
      model: { type: 'string', description: 'A model, an alias, auto, or auto/<task>' },
      models: { type: 'array', maxItems: 8, items: text, description: 'Ordered fallbacks' },
      messages: { type: 'array', minItems: 1, items: ref('ChatMessage') },
      max_completion_tokens: { type: 'integer', minimum: 1 },
      stream: { type: 'boolean', default: false },
      stream_options: { type: 'object', properties: { include_usage: { type: 'boolean' } } },
      temperature: { type: 'number', minimum: 0, maximum: 2 },
      top_p: { type: 'number', minimum: 0, maximum: 1 },
      n: { type: 'integer', minimum: 1, maximum: 8 },
      tools: { type: 'array', items: { type: 'object', required: ['type'] } },
      tool_choice: {},
      response_format: { type: 'object', required: ['type'] },
      aip: { type: 'object', description: 'The AIP-… headers for clients that cannot send headers' },
    },
    examples: [{ model: 'auto', messages: [{ role: 'user', content: 'Summarise the attached report.' }] }],
  },
  ChatCompletion: answer(
    'chat.completion',
    choice('message', {
      type: 'object',
      required: ['role', 'content', 'refusal'],
      properties: {
        role: { enum: ['assistant'] },
        content: nullableText,
        refusal: nullableText,
        tool_calls: { type: 'array', items: toolCall },
      },
    }),
  ),
  ChatCompletionChunk: answer('chat.completion.chunk', choice('delta', { type: 'object' })),
  EmbeddingRequest: {
    type: 'object',
    required: ['model', 'input'],
    properties: {
      model: text,
      input: { anyOf: [text, { type: 'array', items: {} }] },
      encoding_format: { enum: ['float', 'base64'], default: 'float' },
      dimensions: { type: 'integer', minimum: 1 },
      aip: { type: 'object' },
    },
    examples: [{ model: 'sim-embed', input: ['one car', 'two cars'] }],
  },
  EmbeddingList: {
    type: 'object',
    required: ['object', 'data', 'model', 'usage'],
    properties: {
      object: { enum: ['list'] },
      model: text,
      data: {
        type: 'array',
        items: {
          type: 'object',
          required: ['object', 'index', 'embedding'],
          properties: {
            object: { enum: ['embedding'] },
            index: count,
            embedding: {
              anyOf: [
                { type: 'array', items: { type: 'number' } },
                { type: 'string', description: 'base64 of little-endian 32-bit floats' },
              ],
            },
          },
        },
      },
      usage: { type: 'object', properties: { prompt_tokens: count, total_tokens: count } },
    },
  },
  Model: {
    type: 'object',
    required: ['id', 'object', 'created', 'owned_by'],
    properties: {
      id: text,
      object: { enum: ['model'] },
      created: count,
      owned_by: text,
      aip: { type: 'object', description: 'Partners, context, capabilities, prices' },
    },
  },
  ModelList: {
    type: 'object',
    required: ['object', 'data'],
    properties: { object: { enum: ['list'] }, data: { type: 'array', items: ref('Model') } },
  },
};

/** Bodies of the operations of `/v1`, by operation id. */
export const OPENAI_OPERATIONS: Readonly<Record<string, object>> = {
  chat_chat: {
    requestBody: { required: true, content: json('ChatRequest') },
    responses: {
      200: {
        description:
          'The answer. With `stream: true` server-sent events of chunks, ended by `data: [DONE]` when it is complete',
        content: { ...json('ChatCompletion'), 'text/event-stream': { schema: ref('ChatCompletionChunk') } },
      },
    },
  },
  chat_embeddings: {
    requestBody: { required: true, content: json('EmbeddingRequest') },
    responses: { 200: { description: 'One vector per input, in order', content: json('EmbeddingList') } },
  },
  generations_list: {
    responses: { 200: { description: 'Models this credential may use', content: json('ModelList') } },
  },
  generations_model: { responses: { 200: { description: 'The model', content: json('Model') } } },
};
