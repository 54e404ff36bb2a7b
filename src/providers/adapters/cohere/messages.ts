import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from '../../../openai/index.js';
import type { CapabilityGap } from '../adapter.js';
import { gap } from '../capability-gaps.js';
import { textOf, type JsonObject } from '../json-value.js';

const ROLES: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

const partsOf = ({ content }: ChatMessage): readonly ContentPart[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);

/** What of a conversation Cohere cannot take. */
export function messageGaps(messages: ChatRequest['messages']): readonly CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  if (messages.some(({ role }) => !ROLES.has(role))) gaps.push(gap('messages.role', 'no such role'));
  const parts = messages.flatMap(partsOf);
  if (parts.some(({ type }) => type === 'input_audio')) gaps.push(gap('messages.input_audio', 'no audio'));
  if (parts.some(({ type }) => type === 'file')) gaps.push(gap('messages.file', 'no files'));
  return gaps;
}

/** Messages as Cohere has them: same roles and order, instructions of the developer as `system`. */
export function messagesFor(messages: ChatRequest['messages']): readonly JsonObject[] {
  return messages.map((message) => {
    if (message.role === 'assistant') return answerOf(message);
    if (message.role === 'tool')
      return { role: 'tool', tool_call_id: message.tool_call_id ?? '', content: plainText(message) };
    return { role: message.role === 'developer' ? 'system' : message.role, content: contentOf(message) };
  });
}

function plainText(message: ChatMessage): string {
  return partsOf(message)
    .map((part) => part.text ?? part.refusal ?? '')
    .join('');
}

/** A text where there is nothing but text; else its parts. */
function contentOf(message: ChatMessage): unknown {
  const parts = partsOf(message);
  if (!parts.some(({ type }) => type === 'image_url')) return plainText(message);
  return parts.map((part) =>
    part.type === 'image_url'
      ? { type: 'image_url', image_url: part.image_url }
      : { type: 'text', text: part.text ?? '' },
  );
}

/** An earlier answer. What it planned before its tool calls came to the caller as reasoning and goes back as the plan. */
function answerOf(message: ChatMessage): JsonObject {
  const text = plainText(message) + (textOf(message.refusal) ?? '');
  const calls = message.tool_calls ?? [];
  if (calls.length === 0) return { role: 'assistant', content: text };
  const plan = textOf(message['reasoning_content']);
  return {
    role: 'assistant',
    ...(text === '' ? {} : { content: text }),
    ...(plan === undefined ? {} : { tool_plan: plan }),
    tool_calls: calls.map(callOf),
  };
}

function callOf({ id, function: called }: ToolCall): JsonObject {
  return { id, type: 'function', function: { name: called.name, arguments: called.arguments } };
}
