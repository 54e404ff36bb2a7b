import { z } from 'zod';

import { newId, seededRandom } from '../../platform/ids/index.js';

import { type BilledTokens } from './bill.js';
import { type ChatPrompt, type SimulatedAnswer, type SimulatedChoice, type Turn } from './completion.js';
import { type Dialect, type Frame, type Refusal, type RefusalReason, type Rendering } from './dialect.js';
import { isJsonObject, type JsonObject } from './json-object.js';
import { anthropicLimitHeaders, type LimitState } from './minute-limits.js';
import { type SimulatedModel } from './partners.js';
import { parseBody, textOf } from './read-body.js';
import { groupTokens } from './tokens.js';

const ERRORS: Readonly<Record<RefusalReason, string>> = {
  authentication: 'authentication_error',
  not_found: 'not_found_error',
  invalid: 'invalid_request_error',
  context: 'invalid_request_error',
  too_large: 'request_too_large',
  rate_limited: 'rate_limit_error',
  overloaded: 'overloaded_error',
  server: 'api_error',
};
const STOP_REASONS = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  length: 'max_tokens',
  tool_calls: 'tool_use',
} as const;
const ADAPTIVE_BUDGET = 1_024;

const messagesBody = z.object({
  max_tokens: z.int().min(1),
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant', 'system']), content: z.unknown().optional() }))
    .min(1)
    .max(10_000),
  system: z.unknown().optional(),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string()).max(16).optional(),
  tools: z
    .array(z.object({ name: z.string().min(1), input_schema: z.unknown().optional() }))
    .max(128)
    .optional(),
  tool_choice: z
    .union([
      z.object({ type: z.literal('tool'), name: z.string() }),
      z.object({ type: z.enum(['auto', 'any', 'none']) }),
    ])
    .optional(),
  thinking: z
    .union([
      z.object({ type: z.literal('enabled'), budget_tokens: z.int().min(1_024) }),
      z.object({ type: z.enum(['adaptive', 'disabled']) }),
    ])
    .optional(),
  output_config: z
    .object({ format: z.object({ type: z.literal('json_schema'), schema: z.unknown().optional() }).nullish() })
    .optional(),
});

/** Anthropic's Messages. Source: the Anthropic API reference, Messages and streaming events, version 2023-06-01. */
export const anthropicDialect: Dialect = {
  parseChat(body: JsonObject, model: SimulatedModel): ChatPrompt {
    const parsed = parseBody(messagesBody, body);
    const { tool_choice: choice, output_config: output } = parsed;
    const contents = [parsed.system, ...parsed.messages.map(({ content }) => content)];
    const format = output?.format;
    return {
      model: model.name,
      turns: [{ role: 'system', text: textOf(parsed.system) }, ...parsed.messages.map(readTurn)],
      stream: parsed.stream ?? false,
      maxTokens: Math.min(parsed.max_tokens, model.capabilities.maxOutput),
      stops: parsed.stop_sequences ?? [],
      choices: 1,
      format:
        format === null || format === undefined ? { kind: 'text' } : { kind: 'schema', schema: format.schema ?? {} },
      tools: (parsed.tools ?? []).map(({ name, input_schema: parameters }) => ({ name, parameters })),
      toolUse: choice === undefined ? 'auto' : 'name' in choice ? choice : choice.type === 'none' ? 'none' : 'auto',
      thinkingBudget: thinkingBudget(parsed.thinking),
      caching: cacheMark(contents),
    };
  },

  wantsUsage(): boolean {
    return true;
  },

  collected(answer: SimulatedAnswer, rendering: Rendering): unknown {
    const choice = onlyChoice(answer);
    return {
      ...envelope(rendering),
      content: contentBlocks(choice),
      stop_reason: STOP_REASONS[choice.finish],
      stop_sequence: choice.stopSequence,
      ...(rendering.usage === null ? {} : { usage: usageMember(rendering.usage) }),
    };
  },

  frames(answer: SimulatedAnswer, rendering: Rendering): readonly Frame[] {
    const choice = onlyChoice(answer);
    const usage = rendering.usage;
    const first = usage === null ? {} : { usage: usageMember({ ...usage, output: 1, reasoning: 0 }) };
    const last = usage === null ? {} : { usage: usageMember(usage) };
    const start = { ...envelope(rendering), content: [], stop_reason: null, stop_sequence: null, ...first };
    const ending = { stop_reason: STOP_REASONS[choice.finish], stop_sequence: choice.stopSequence };
    return [
      frame('start', 0, { type: 'message_start', message: start }),
      frame('start', 0, { type: 'ping' }),
      ...blockFrames(choice),
      frame('end', 0, { type: 'message_delta', delta: ending, ...last }),
      frame('end', 0, { type: 'message_stop' }),
    ];
  },

  answerId(): string {
    return `msg_sim${newId().replaceAll('-', '')}`;
  },

  error(refusal: Refusal, requestId: string): unknown {
    return {
      type: 'error',
      error: { type: ERRORS[refusal.reason], message: refusal.message },
      request_id: requestId,
    };
  },

  errorFrame(refusal: Refusal, requestId: string): string {
    return `event: error\ndata: ${JSON.stringify(anthropicDialect.error(refusal, requestId))}\n\n`;
  },

  contentFrame(text: string): string {
    return frame('delta', 0, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }).text;
  },

  models(models: readonly SimulatedModel[]): unknown {
    const data = models.map(({ name }) => ({
      type: 'model',
      id: name,
      display_name: `${name} (simulated)`,
      created_at: '2026-01-01T00:00:00Z',
    }));
    return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  },

  limitHeaders(state: LimitState): Record<string, string> {
    return anthropicLimitHeaders(state);
  },
};

function readTurn({ role, content }: { role: 'user' | 'assistant' | 'system'; content?: unknown }): Turn {
  const hasResult =
    Array.isArray(content) && content.some((part) => isJsonObject(part) && part['type'] === 'tool_result');
  return { role: hasResult ? 'tool' : role, text: textOf(content) };
}

function thinkingBudget(thinking: z.infer<typeof messagesBody>['thinking']): number {
  if (thinking === undefined || thinking.type === 'disabled') return 0;
  return thinking.type === 'enabled' ? thinking.budget_tokens : ADAPTIVE_BUDGET;
}

/** The last turn with a `cache_control` mark; turn 0 is the system prompt. */
function cacheMark(contents: readonly unknown[]): ChatPrompt['caching'] {
  const throughTurn = contents.findLastIndex(
    (content) =>
      Array.isArray(content) && content.some((part) => isJsonObject(part) && isJsonObject(part['cache_control'])),
  );
  return throughTurn < 0 ? 'off' : { throughTurn };
}

function onlyChoice(answer: SimulatedAnswer): SimulatedChoice {
  const choice = answer.choices[0];
  if (choice === undefined) throw new Error('A simulated answer has no choice');
  return choice;
}

function envelope(rendering: Rendering): JsonObject {
  return { id: rendering.id, type: 'message', role: 'assistant', model: rendering.model };
}

function contentBlocks(choice: SimulatedChoice): JsonObject[] {
  const blocks: JsonObject[] = [];
  const call = choice.toolCall;
  if (choice.thinking.length > 0) {
    blocks.push({ type: 'thinking', thinking: choice.thinking.join(''), signature: signature(choice) });
  }
  if (call === null) return [...blocks, { type: 'text', text: choice.content.join('') }];
  return [...blocks, { type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: readInput(call.arguments) }];
}

/** Arguments cut by the bound are no JSON; a vendor then shows an empty object. */
function readInput(tokens: readonly string[]): unknown {
  try {
    return JSON.parse(tokens.join(''));
  } catch {
    return {};
  }
}

function blockFrames(choice: SimulatedChoice): Frame[] {
  const random = seededRandom(choice.seed);
  const frames: Frame[] = [];
  const call = choice.toolCall;
  let index = 0;
  const block = (
    opening: JsonObject,
    tokens: readonly string[],
    delta: (text: string) => JsonObject,
    closing?: JsonObject,
  ): void => {
    frames.push(
      frame(index === 0 ? 'start' : 'delta', 0, { type: 'content_block_start', index, content_block: opening }),
    );
    for (const piece of groupTokens(tokens, random)) {
      frames.push(frame('delta', piece.tokens, { type: 'content_block_delta', index, delta: delta(piece.text) }));
    }
    if (closing !== undefined) frames.push(frame('delta', 0, { type: 'content_block_delta', index, delta: closing }));
    frames.push(frame('end', 0, { type: 'content_block_stop', index }));
    index += 1;
  };
  if (choice.thinking.length > 0) {
    const closing = { type: 'signature_delta', signature: signature(choice) };
    block(
      { type: 'thinking', thinking: '', signature: '' },
      choice.thinking,
      (thinking) => ({ type: 'thinking_delta', thinking }),
      closing,
    );
  }
  if (call === null) block({ type: 'text', text: '' }, choice.content, (text) => ({ type: 'text_delta', text }));
  else {
    const opening = { type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: {} };
    block(opening, call.arguments, (json) => ({ type: 'input_json_delta', partial_json: json }));
  }
  return frames;
}

function signature(choice: SimulatedChoice): string {
  return Buffer.from(`simulated:${String(choice.seed)}`).toString('base64');
}

function frame(stage: Frame['stage'], tokens: number, data: { readonly type: string } & JsonObject): Frame {
  return { text: `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`, stage, tokens };
}

function usageMember(tokens: BilledTokens): JsonObject {
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite,
    cache_read_input_tokens: tokens.cachedInput,
    cache_creation: { ephemeral_5m_input_tokens: tokens.cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: tokens.output + tokens.reasoning,
    output_tokens_details: { thinking_tokens: tokens.reasoning },
    service_tier: 'standard',
  };
}
