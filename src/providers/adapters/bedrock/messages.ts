import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from '../../../openai/index.js';
import { isJsonObject, isSet, listOf, objectOf, parseJson, textOf, type JsonObject } from '../json-value.js';
import { DocumentBlocks, imageBlock } from './media.js';

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

/** How messages are written. */
export interface WritingRules {
  /** Reasoning of earlier answers that the model signed goes back to it. */
  readonly withReasoning: boolean;
  readonly cachePoints: boolean;
}

/** True for a part that Bedrock can take: text, and images and documents that are inline and of a format it knows. */
export function canTake(part: ContentPart): boolean {
  if (part.type === 'image_url') return imageBlock(part) !== null;
  if (part.type === 'file') return new DocumentBlocks().make(part) !== null;
  return textOf(part.text) !== undefined || part.type === 'text' || part.type === 'refusal';
}

/** True when every answer since the last question that calls tools brings its signed reasoning: without it Claude refuses to think
 *  on. */
export function canThinkOn(messages: ChatRequest['messages']): boolean {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  return messages
    .slice(last + 1)
    .every((message) => (message.tool_calls ?? []).length === 0 || reasoningBlocks(message).length > 0);
}

/** True when tools were called earlier: Bedrock then demands tools in the request. */
export function hasToolHistory(messages: ChatRequest['messages']): boolean {
  return messages.some((message) => isResult(message) || (message.tool_calls ?? []).length > 0);
}

/** System and developer messages in order, and the turns of user and assistant: equal neighbours merged, tool results first in
 *  their turn. Blank texts are left out: Bedrock refuses them. */
export function conversation(
  messages: ChatRequest['messages'],
  rules: WritingRules,
): { readonly system: readonly JsonObject[]; readonly turns: readonly Turn[] } {
  const writer = new MessageWriter(rules);
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    if (isInstruction(message)) {
      system.push(...writer.blocks(message.content));
      continue;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = writer.content(message);
    if (content.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  }
  return { system, turns: turns.map(settled) };
}

const isInstruction = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';
const isResult = ({ role }: ChatMessage): boolean => role === 'tool' || role === 'function';

/** Results stand before everything else; a mark that ends what is kept stays behind what it followed. */
function settled({ role, content }: Turn): Turn {
  if (role === 'assistant') return { role, content };
  const isOfTool = (block: JsonObject): boolean => block['toolResult'] !== undefined;
  return { role, content: [...content.filter(isOfTool), ...content.filter((block) => !isOfTool(block))] };
}

class MessageWriter {
  readonly #documents = new DocumentBlocks();

  constructor(private readonly rules: WritingRules) {}

  content(message: ChatMessage): JsonObject[] {
    if (isResult(message)) {
      const toolUseId = message.tool_call_id ?? textOf(message.name) ?? '';
      return [{ toolResult: { toolUseId, content: this.blocks(message.content, false) } }];
    }
    const blocks = this.blocks(message.content);
    if (message.role !== 'assistant') return blocks;
    const refusal = textOf(message.refusal);
    return [
      ...(this.rules.withReasoning ? reasoningBlocks(message) : []),
      ...blocks,
      ...(refusal === undefined ? [] : [{ text: refusal }]),
      ...(message.tool_calls ?? []).map(toolUse),
    ];
  }

  blocks(content: ChatMessage['content'], withMarks = this.rules.cachePoints): JsonObject[] {
    if (typeof content === 'string') return isBlank(content) ? [] : [{ text: content }];
    return (content ?? []).flatMap((part) => {
      const block = this.#block(part);
      if (block === null) return [];
      return withMarks && isSet(part['cache_control']) ? [block, cachePoint(part['cache_control'])] : [block];
    });
  }

  #block(part: ContentPart): JsonObject | null {
    if (part.type === 'image_url') return imageBlock(part);
    if (part.type === 'file') return this.#documents.make(part);
    const text = textOf(part.text) ?? textOf(part.refusal);
    return text === undefined || isBlank(text) ? null : { text };
  }
}

const isBlank = (text: string): boolean => text.trim() === '';

const cachePoint = (control: unknown): JsonObject => ({
  cachePoint: { type: 'default', ...(objectOf(control)['ttl'] === '1h' ? { ttl: '1h' } : {}) },
});

function toolUse({ id, function: called }: ToolCall): JsonObject {
  const input = parseJson(called.arguments);
  return { toolUse: { toolUseId: id, name: called.name, input: isJsonObject(input) ? input : {} } };
}

/** What a caller echoes of `extra_content.bedrock`: reasoning with its signature, or as it was encrypted. */
function reasoningBlocks(message: ChatMessage): readonly JsonObject[] {
  const blocks = listOf(objectOf(objectOf(message['extra_content'])['bedrock'])['reasoning_blocks']);
  return blocks.flatMap((block) => {
    const isState = isJsonObject(block) && (isSet(block['reasoningText']) || isSet(block['redactedContent']));
    return isState ? [{ reasoningContent: block }] : [];
  });
}
