import { z } from 'zod';

import type { ChatRequest, EmbeddingRequest } from '../../openai/index.js';
import { AppError } from '../../platform/errors/index.js';
import { invalidValue } from '../../platform/http/index.js';

/** Members of the chat body that this gateway knows. Source: the wire contract §2.2. */
const CHAT_MEMBERS = new Set([
  'model',
  'models',
  'messages',
  'max_completion_tokens',
  'max_tokens',
  'stream',
  'stream_options',
  'temperature',
  'top_p',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'response_format',
  'reasoning_effort',
  'verbosity',
  'modalities',
  'audio',
  'prediction',
  'web_search_options',
  'service_tier',
  'metadata',
  'store',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'aip',
]);
const EMBEDDING_MEMBERS = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user', 'aip']);

const MAX_MESSAGES = 10_000;
const MAX_N = 8;
const model = z.string().min(1).max(256);
const tokens = z.int().min(1).max(10_000_000);

const chatSchema = z.looseObject({
  model,
  models: z.array(model).max(8).optional(),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
        content: z.union([z.string(), z.array(z.looseObject({ type: z.string().optional() })), z.null()]).optional(),
      }),
    )
    .min(1)
    .max(MAX_MESSAGES),
  max_completion_tokens: tokens.nullish(),
  max_tokens: tokens.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().optional(), include_obfuscation: z.boolean().optional() })
    .nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  n: z.int().min(1).max(MAX_N).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  tools: z
    .array(z.looseObject({ type: z.string().optional() }))
    .max(512)
    .nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

const embeddingSchema = z.looseObject({
  model,
  input: z.union([
    z.string().min(1),
    z.array(z.string()).min(1).max(2048),
    z.array(z.int().min(0)).min(1).max(100_000),
    z
      .array(z.array(z.int().min(0)).min(1))
      .min(1)
      .max(2048),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(100_000).nullish(),
});

/** A request body that was checked: the members we know, and the names of those nobody knows. */
export interface ReadBody<Request> {
  readonly request: Request;
  readonly aip: unknown;
  readonly ignored: readonly string[];
}

type UnknownFields = 'lenient' | 'strict';

/** Separates what is ours (`aip`, `models` stay for routing) and what nobody knows. */
function split(body: Record<string, unknown>, known: ReadonlySet<string>, unknown: UnknownFields): readonly string[] {
  const ignored = Object.keys(body).filter((name) => !known.has(name));
  const [first] = ignored;
  if (first !== undefined && unknown === 'strict') {
    throw new AppError('unknown_parameter', `${first} is not a member of this request.`, { param: first });
  }
  return ignored;
}

function withoutMembers(body: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  if (names.length === 0 && !('aip' in body)) return body;
  const kept: Record<string, unknown> = {};
  for (const name in body) if (name !== 'aip' && !names.includes(name)) kept[name] = body[name];
  return kept;
}

function objectOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new AppError('invalid_value', 'The body must be a JSON object.');
}

/** Some clients leave out the type of a tool, of which there was one for long. */
function withToolTypes(body: Record<string, unknown>): Record<string, unknown> {
  const { tools } = body;
  if (!Array.isArray(tools)) return body;
  const isTyped = (tool: object): boolean => 'type' in tool;
  if ((tools as readonly object[]).every(isTyped)) return body;
  return { ...body, tools: (tools as readonly object[]).map((tool) => ({ type: 'function', ...tool })) };
}

/** `functions`/`function_call` are the old names of tools: one shape from here on. */
function withTools(body: Record<string, unknown>): Record<string, unknown> {
  if (body['functions'] === undefined && body['function_call'] === undefined) return withToolTypes(body);
  const { functions, function_call: call, ...rest } = body;
  const tools = Array.isArray(functions)
    ? functions.map((one: unknown) => ({ type: 'function', function: one }))
    : undefined;
  const choice =
    typeof call === 'object' && call !== null ? { type: 'function', function: call } : (call as string | undefined);
  return {
    ...rest,
    ...(tools === undefined ? {} : { tools }),
    ...(choice === undefined ? {} : { tool_choice: choice }),
  };
}

/** Checks a chat body as far as the gateway relies on it; partners check the rest. Attacker-controlled.
 *  @throws AppError invalid_value, unknown_parameter */
export function readChatBody(json: unknown, unknown: UnknownFields): ReadBody<ChatRequest> {
  const body = objectOf(json);
  const ignored = split(body, CHAT_MEMBERS, unknown);
  const result = chatSchema.safeParse(body);
  if (!result.success) throw invalidValue(result.error.issues);
  return { request: withTools(withoutMembers(body, ignored)) as unknown as ChatRequest, aip: body['aip'], ignored };
}

/** Checks an embeddings body. Attacker-controlled. @throws AppError invalid_value, unknown_parameter */
export function readEmbeddingBody(json: unknown, unknown: UnknownFields): ReadBody<EmbeddingRequest> {
  const body = objectOf(json);
  const ignored = split(body, EMBEDDING_MEMBERS, unknown);
  const result = embeddingSchema.safeParse(body);
  if (!result.success) throw invalidValue(result.error.issues);
  return { request: withoutMembers(body, ignored) as unknown as EmbeddingRequest, aip: body['aip'], ignored };
}
