import { z } from 'zod';

import { newId, seededRandom } from '../../platform/ids/index.js';

import { type BilledTokens } from './bill.js';
import { type ChatPrompt, type SimulatedAnswer, type SimulatedChoice, type Turn } from './completion.js';
import { type Dialect, type Frame, MAX_CHOICES, type Refusal, type RefusalReason, type Rendering } from './dialect.js';
import { type JsonObject } from './json-object.js';
import { openAiLimitHeaders, type LimitState } from './minute-limits.js';
import { type SimulatedModel } from './partners.js';
import { parseBody, textOf } from './read-body.js';
import { groupTokens } from './tokens.js';

const FINGERPRINT = 'fp_simulated';
const CREATED_SECONDS = 1_767_225_600;
const ERRORS: Readonly<Record<RefusalReason, { type: string; code: string | null }>> = {
  authentication: { type: 'invalid_request_error', code: 'invalid_api_key' },
  not_found: { type: 'invalid_request_error', code: 'model_not_found' },
  invalid: { type: 'invalid_request_error', code: null },
  context: { type: 'invalid_request_error', code: 'context_length_exceeded' },
  too_large: { type: 'invalid_request_error', code: null },
  rate_limited: { type: 'requests', code: 'rate_limit_exceeded' },
  overloaded: { type: 'server_error', code: 'overloaded' },
  server: { type: 'server_error', code: null },
};

const bound = z.int().min(1).nullish();
const chatBody = z.object({
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
        content: z.unknown().optional(),
        tool_calls: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(10_000),
  stream: z.boolean().nullish(),
  max_tokens: bound,
  max_completion_tokens: bound,
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  response_format: z
    .union([
      z.object({ type: z.enum(['text', 'json_object']) }),
      z.object({ type: z.literal('json_schema'), json_schema: z.object({ schema: z.unknown().optional() }) }),
    ])
    .nullish(),
  tools: z
    .array(
      z.object({
        type: z.literal('function'),
        function: z.object({ name: z.string().min(1), parameters: z.unknown().optional() }),
      }),
    )
    .max(128)
    .nullish(),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), z.object({ function: z.object({ name: z.string() }) })])
    .nullish(),
});

/** OpenAI's chat completions. Source: the OpenAI API reference, chat completions and streaming events. */
export const openAiDialect: Dialect = {
  parseChat(body: JsonObject, model: SimulatedModel): ChatPrompt {
    const parsed = parseBody(chatBody, body);
    const { response_format: format, tool_choice: choice } = parsed;
    return {
      model: model.name,
      turns: parsed.messages.map(({ role, content, tool_calls: calls }): Turn => ({
        role: TURN_ROLES[role],
        text: textOf(content) + (calls === undefined || calls === null ? '' : JSON.stringify(calls)),
      })),
      stream: parsed.stream ?? false,
      maxTokens: Math.min(
        parsed.max_completion_tokens ?? parsed.max_tokens ?? Number.POSITIVE_INFINITY,
        model.capabilities.maxOutput,
      ),
      stops: typeof parsed.stop === 'string' ? [parsed.stop] : (parsed.stop ?? []),
      choices: parsed.n ?? 1,
      format: readFormat(format),
      tools: (parsed.tools ?? []).map((tool) => ({ name: tool.function.name, parameters: tool.function.parameters })),
      toolUse: typeof choice === 'object' && choice !== null ? choice.function : choice === 'none' ? 'none' : 'auto',
      thinkingBudget: 0,
      caching: 'automatic',
    };
  },

  wantsUsage(body: JsonObject): boolean {
    const options = z.object({ include_usage: z.boolean() }).safeParse(body['stream_options']);
    return options.success && options.data.include_usage;
  },

  collected(answer: SimulatedAnswer, rendering: Rendering): unknown {
    return {
      id: rendering.id,
      object: 'chat.completion',
      created: rendering.createdSeconds,
      model: rendering.model,
      choices: answer.choices.map((choice, index) => ({
        index,
        message: message(choice),
        logprobs: null,
        finish_reason: finishReason(choice),
      })),
      ...(rendering.usage === null ? {} : { usage: usageMember(rendering.usage) }),
      service_tier: 'default',
      system_fingerprint: FINGERPRINT,
    };
  },

  frames(answer: SimulatedAnswer, rendering: Rendering): readonly Frame[] {
    const frames = answer.choices.flatMap((choice, index) => choiceFrames(choice, index, rendering));
    if (rendering.includeUsage && rendering.usage !== null) {
      const text = event({ ...chunk(rendering, []), usage: usageMember(rendering.usage) });
      frames.push({ text, stage: 'end', tokens: 0 });
    }
    frames.push({ text: 'data: [DONE]\n\n', stage: 'end', tokens: 0 });
    return frames;
  },

  answerId(): string {
    return `chatcmpl-${newId().replaceAll('-', '')}`;
  },

  error(refusal: Refusal): unknown {
    const { type, code } = ERRORS[refusal.reason];
    return { error: { message: refusal.message, type, param: refusal.options.param ?? null, code } };
  },

  errorFrame(refusal: Refusal, requestId: string): string {
    return event(openAiDialect.error(refusal, requestId));
  },

  contentFrame(text: string, rendering: Rendering): string {
    return event(chunk(rendering, [{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }]));
  },

  models(models: readonly SimulatedModel[]): unknown {
    return {
      object: 'list',
      data: models.map(({ name }) => ({ id: name, object: 'model', created: CREATED_SECONDS, owned_by: 'simulation' })),
    };
  },

  limitHeaders(state: LimitState, nowMs: number): Record<string, string> {
    return openAiLimitHeaders(state, nowMs);
  },
};

const TURN_ROLES = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
} as const;

function readFormat(format: z.infer<typeof chatBody>['response_format']): ChatPrompt['format'] {
  if (format === null || format === undefined) return { kind: 'text' };
  if ('json_schema' in format) return { kind: 'schema', schema: format.json_schema.schema ?? {} };
  return { kind: format.type === 'json_object' ? 'json' : 'text' };
}

function message(choice: SimulatedChoice): JsonObject {
  const call = choice.toolCall;
  if (call === null) return { role: 'assistant', content: choice.content.join(''), refusal: null };
  const written = { name: call.name, arguments: call.arguments.join('') };
  return {
    role: 'assistant',
    content: null,
    refusal: null,
    tool_calls: [{ id: `call_${call.id}`, type: 'function', function: written }],
  };
}

function finishReason(choice: SimulatedChoice): string {
  return choice.finish === 'stop_sequence' ? 'stop' : choice.finish;
}

function choiceFrames(choice: SimulatedChoice, index: number, rendering: Rendering): Frame[] {
  const call = choice.toolCall;
  const frame = (stage: Frame['stage'], tokens: number, delta: JsonObject, finish: string | null = null): Frame => ({
    text: event(chunk(rendering, [{ index, delta, logprobs: null, finish_reason: finish }])),
    stage,
    tokens,
  });
  const opening =
    call === null
      ? { role: 'assistant', content: '', refusal: null }
      : {
          role: 'assistant',
          content: null,
          tool_calls: [
            { index: 0, id: `call_${call.id}`, type: 'function', function: { name: call.name, arguments: '' } },
          ],
        };
  const pieces = groupTokens(call?.arguments ?? choice.content, seededRandom(choice.seed));
  const deltas = pieces.map(({ text, tokens }) =>
    frame(
      'delta',
      tokens,
      call === null ? { content: text } : { tool_calls: [{ index: 0, function: { arguments: text } }] },
    ),
  );
  return [frame('start', 0, opening), ...deltas, frame('end', 0, {}, finishReason(choice))];
}

function chunk(rendering: Rendering, choices: readonly unknown[]): JsonObject {
  return {
    id: rendering.id,
    object: 'chat.completion.chunk',
    created: rendering.createdSeconds,
    model: rendering.model,
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
    choices,
    ...(rendering.includeUsage && rendering.usage !== null ? { usage: null } : {}),
  };
}

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function usageMember(tokens: BilledTokens): JsonObject {
  const prompt = tokens.input + tokens.cachedInput + tokens.cacheWrite;
  const completion = tokens.output + tokens.reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: tokens.cachedInput, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
