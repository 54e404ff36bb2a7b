import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from '../../../openai/index.js';
import { isJsonObject, isSet, listOf, objectOf, parseJson, textOf, type JsonObject } from '../json-value.js';

/** A content block of Anthropic's Messages. */
export type Block = JsonObject & { readonly type: string };

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: Block[];
}

const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+);base64,/i;

/** System and developer messages in order, as blocks. */
export function systemBlocks(messages: ChatRequest['messages']): readonly Block[] {
  return messages.filter(isInstruction).flatMap(({ content }) => blocksOf(content));
}

/** Turns of user and assistant: equal neighbours merged, tool results first in their turn. `withThinking`: signed thinking of
 *  earlier answers goes back. */
export function turns(messages: ChatRequest['messages'], withThinking: boolean): readonly Turn[] {
  const merged: Turn[] = [];
  for (const message of messages) {
    if (isInstruction(message)) continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = contentOf(message, withThinking);
    if (content.length === 0) continue;
    const last = merged.at(-1);
    if (last?.role === role) last.content.push(...content);
    else merged.push({ role, content });
  }
  return merged.map((turn, at) => settle(turn, at === merged.length - 1));
}

/** True when every assistant turn that calls tools brings its signed thinking: without it Anthropic refuses to think on. */
export function canThinkOn(messages: ChatRequest['messages']): boolean {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  return messages
    .slice(last + 1)
    .every((message) => (message.tool_calls ?? []).length === 0 || thinkingBlocks(message).length > 0);
}

const isInstruction = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';

/** Results stand before text, and a prefilled answer must not end in blanks. */
function settle({ role, content }: Turn, isLast: boolean): Turn {
  if (role === 'user') {
    const isResult = ({ type }: Block): boolean => type === 'tool_result';
    return { role, content: [...content.filter(isResult), ...content.filter((block) => !isResult(block))] };
  }
  const last = content.at(-1);
  if (!isLast || last?.type !== 'text') return { role, content };
  return { role, content: [...content.slice(0, -1), { ...last, text: (textOf(last['text']) ?? '').trimEnd() }] };
}

function contentOf(message: ChatMessage, withThinking: boolean): Block[] {
  if (message.role === 'tool' || message.role === 'function') return [toolResult(message)];
  const blocks = blocksOf(message.content);
  if (message.role !== 'assistant') return blocks;
  const thinking = withThinking ? thinkingBlocks(message) : [];
  const refusal = textOf(message.refusal);
  const said = refusal === undefined ? blocks : [...blocks, { type: 'text', text: refusal }];
  return [...thinking, ...said, ...(message.tool_calls ?? []).map(toolUse)];
}

function thinkingBlocks(message: ChatMessage): Block[] {
  const blocks = listOf(objectOf(objectOf(message['extra_content'])['anthropic'])['thinking_blocks']);
  return blocks.filter(
    (block): block is Block =>
      isJsonObject(block) && (block['type'] === 'thinking' || block['type'] === 'redacted_thinking'),
  );
}

function toolResult({ tool_call_id: id, content }: ChatMessage): Block {
  const blocks = blocksOf(content);
  return { type: 'tool_result', tool_use_id: id ?? '', ...(blocks.length === 0 ? {} : { content: blocks }) };
}

function toolUse({ id, function: called }: ToolCall): Block {
  const input = parseJson(called.arguments);
  return { type: 'tool_use', id, name: called.name, input: isJsonObject(input) ? input : {} };
}

/** Empty texts are left out: Anthropic refuses them. */
function blocksOf(content: ChatMessage['content']): Block[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return (content ?? []).flatMap((part) => {
    const block = blockOf(part);
    if (block === null) return [];
    return isSet(part['cache_control']) ? [{ ...block, cache_control: part['cache_control'] }] : [block];
  });
}

function blockOf(part: ContentPart): Block | null {
  if (part.type === 'image_url')
    return part.image_url === undefined ? null : { type: 'image', source: sourceOf(part.image_url.url) };
  if (part.type === 'file') {
    const data = textOf(part.file?.file_data);
    return data === undefined ? null : { type: 'document', source: sourceOf(data) };
  }
  const text = textOf(part.text) ?? textOf(part.refusal);
  return text === undefined ? null : { type: 'text', text };
}

/** Data URLs become base64, others go on as URL: the gateway fetches nothing. Bare base64 is a PDF. */
function sourceOf(url: string): JsonObject {
  const match = DATA_URL.exec(url);
  if (match !== null) return { type: 'base64', media_type: match[1]?.toLowerCase(), data: url.slice(match[0].length) };
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  return { type: 'base64', media_type: 'application/pdf', data: url };
}
