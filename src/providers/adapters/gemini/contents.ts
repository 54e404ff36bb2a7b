import type { ChatMessage, ChatRequest, ContentPart, ToolCall } from '../../../openai/index.js';
import { isJsonObject, objectOf, parseJson, textOf, type JsonObject } from '../json-value.js';
import { inlineOf, mediaOf } from './media.js';

/** A part of a content: text, data, a call of a function or its result. */
export type Part = JsonObject;

interface Content {
  readonly role: 'user' | 'model';
  readonly parts: Part[];
}

interface Turn extends Content {
  readonly kind: 'user' | 'model' | 'results';
}

/** Stands where the signature of a thought is missing, for instance because another vendor made the call.
 *  Source: Gemini API, thought signatures, FAQ. */
export const NO_SIGNATURE = 'skip_thought_signature_validator';
const MAX_SIGNATURE_CHARACTERS = 4 * 1024 * 1024;

/** System and developer messages in order, as parts. */
export function systemParts(messages: ChatRequest['messages']): readonly Part[] {
  return messages.filter(isInstruction).flatMap(({ content }) => partsOf(content));
}

/** Turns of user and model, equal neighbours merged; results of tools are a turn of their own, which has to follow the calls.
 *  `needsSignatures`: calls without one get the documented value that skips its check. */
export function contentsOf(messages: ChatRequest['messages'], needsSignatures: boolean): readonly Content[] {
  const names = calledNames(messages);
  const turns: Turn[] = [];
  for (const message of messages) {
    if (isInstruction(message)) continue;
    const turn = turnOf(message, names, needsSignatures);
    if (turn.parts.length === 0) continue;
    const last = turns.at(-1);
    if (last?.kind === turn.kind) last.parts.push(...turn.parts);
    else turns.push(turn);
  }
  return turns.map(({ role, parts }) => ({ role, parts }));
}

const isInstruction = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';

/** Names of called functions by the id of their call: results have to name the function. */
function calledNames(messages: ChatRequest['messages']): ReadonlyMap<string, string> {
  return new Map(
    messages.flatMap(({ tool_calls: calls }) => (calls ?? []).map(({ id, function: one }) => [id, one.name] as const)),
  );
}

function turnOf(message: ChatMessage, names: ReadonlyMap<string, string>, needsSignatures: boolean): Turn {
  if (message.role === 'tool' || message.role === 'function') {
    return { kind: 'results', role: 'user', parts: resultParts(message, names) };
  }
  if (message.role !== 'assistant') return { kind: 'user', role: 'user', parts: partsOf(message.content) };
  return { kind: 'model', role: 'model', parts: answerParts(message, needsSignatures) };
}

function answerParts(message: ChatMessage, needsSignatures: boolean): Part[] {
  const refusal = textOf(message.refusal);
  const said = [...partsOf(message.content), ...(refusal === undefined ? [] : [{ text: refusal }])];
  const signature = signatureIn(message['extra_content']);
  if (signature !== undefined) said.push({ ...(said.pop() ?? { text: '' }), thoughtSignature: signature });
  const calls = (message.tool_calls ?? []).map((call, at) => callPart(call, needsSignatures && at === 0));
  return [...said, ...calls];
}

/** Only the first of parallel calls carries a signature. */
function callPart(call: ToolCall, needsSignature: boolean): Part {
  const { id, function: called } = call;
  const args = parseJson(called.arguments);
  const signature = signatureIn(call['extra_content']) ?? (needsSignature ? NO_SIGNATURE : undefined);
  return {
    functionCall: { ...(id === '' ? {} : { id }), name: called.name, args: isJsonObject(args) ? args : {} },
    ...(signature === undefined ? {} : { thoughtSignature: signature }),
  };
}

/** What this vendor gave along with an earlier answer; state of others is left out. */
function signatureIn(extra: unknown): string | undefined {
  const signature = textOf(objectOf(objectOf(extra)['google'])['thought_signature']);
  return signature !== undefined && signature.length <= MAX_SIGNATURE_CHARACTERS ? signature : undefined;
}

/** A result is an object: one in JSON goes as it is, any other text as its `output`. Media follow as parts of the turn. */
function resultParts(message: ChatMessage, names: ReadonlyMap<string, string>): Part[] {
  const { tool_call_id: id, name, content } = message;
  const parts = partsOf(content);
  const text = parts.map((part) => textOf(part['text']) ?? '').join('');
  const value = parseJson(text);
  const called = names.get(id ?? '') ?? name ?? id ?? 'function';
  const response = isJsonObject(value) ? value : { output: text };
  const result = { ...(id === undefined || id === '' ? {} : { id }), name: called, response };
  return [{ functionResponse: result }, ...parts.filter((part) => part['text'] === undefined)];
}

/** Empty texts are left out: Gemini refuses contents without data. */
function partsOf(content: ChatMessage['content']): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  return (content ?? []).map(partOf).filter((part) => part !== null);
}

function partOf(part: ContentPart): Part | null {
  if (part.type === 'image_url') return imageOf(part);
  if (part.type === 'input_audio') return audioOf(part);
  if (part.type === 'file') return fileOf(part);
  const text = textOf(part.text) ?? textOf(part.refusal);
  return text === undefined ? null : { text };
}

function imageOf({ image_url: image }: ContentPart): Part | null {
  return image === undefined ? null : mediaOf(image.url, 'image/jpeg');
}

function audioOf({ input_audio: audio }: ContentPart): Part | null {
  return audio === undefined ? null : inlineOf(`audio/${audio.format.toLowerCase()}`, audio.data);
}

function fileOf({ file }: ContentPart): Part | null {
  const source = textOf(file?.file_data) ?? textOf(file?.file_id);
  return source === undefined ? null : mediaOf(source, 'application/pdf', file?.filename);
}
