import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';

/** Finish names of Cohere in OpenAI's words. `ERROR` is none: the answer is worth nothing. Source: providers page §5. */
const FINISH: Readonly<Record<string, string>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  ERROR_LIMIT: 'length',
  TOOL_CALL: 'tool_calls',
  ERROR_TOXIC: 'content_filter',
};

/** The finish in OpenAI's words; unknown names are `stop`, never fatal. */
export function finishOf(name: string): string {
  return Object.hasOwn(FINISH, name) ? (FINISH[name] ?? 'stop') : 'stop';
}

/** True for names by which Cohere says that it could not finish. */
export const isFault = (name: string): boolean => name === 'ERROR' || name === 'TIMEOUT';

/** What an event adds to the answer, as a delta of OpenAI's dialect whose types nobody has checked; null: nothing. The plan that
 *  comes before tool calls is reasoning. Event names that we do not know are skipped. */
export function deltaOf(event: JsonObject): JsonObject | null {
  const message = objectOf(objectOf(event['delta'])['message']);
  switch (event['type']) {
    case 'message-start':
      return { role: 'assistant', content: '' };
    case 'content-start':
    case 'content-delta':
      return textDelta(objectOf(message['content']));
    case 'tool-plan-delta':
      return { reasoning_content: message['tool_plan'] };
    case 'tool-call-start':
    case 'tool-call-delta':
      return { tool_calls: [{ ...objectOf(message['tool_calls']), index: event['index'] }] };
    default:
      return null;
  }
}

function textDelta({ text, thinking }: JsonObject): JsonObject | null {
  if (textOf(thinking) !== undefined) return { reasoning_content: thinking };
  return textOf(text) === undefined ? null : { content: text };
}

/** A whole message as OpenAI's dialect has it, types unchecked. */
export function messageOf(message: JsonObject): JsonObject {
  const parts = listOf(message['content']).filter(isJsonObject);
  const join = (member: 'text' | 'thinking'): string => parts.map((part) => textOf(part[member]) ?? '').join('');
  const thought = join('thinking') + (textOf(message['tool_plan']) ?? '');
  const calls = listOf(message['tool_calls']).filter(isJsonObject);
  return {
    role: 'assistant',
    content: join('text'),
    ...(thought === '' ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call, index) => ({ ...call, index })) }),
  };
}
