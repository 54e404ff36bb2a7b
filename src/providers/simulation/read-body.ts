import { type z } from 'zod';

import { Refusal } from './dialect.js';
import { isJsonObject, type JsonObject } from './json-object.js';

/** What an image counts as in a prompt. */
const IMAGE_TEXT = ' image'.repeat(85);

/** Reads a body with a schema. @throws Refusal 400 that names the member that was wrong */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: JsonObject): z.infer<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = issue?.path.map(String).join('.') ?? '';
  throw new Refusal(400, 'invalid', `Invalid value for '${param}': ${issue?.message ?? 'unreadable'}.`, { param });
}

/** The text of a message's content: a string, or parts of which text counts as itself, an image as 85 tokens and all
 *  else as its JSON. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === null || content === undefined ? '' : JSON.stringify(content);
  return content.map((part: unknown) => partText(part)).join('\n');
}

function partText(part: unknown): string {
  if (typeof part === 'string') return part;
  if (!isJsonObject(part)) return '';
  if (typeof part['text'] === 'string') return part['text'];
  if (part['type'] === 'image_url' || part['type'] === 'image') return IMAGE_TEXT;
  if (part['type'] === 'tool_result') return textOf(part['content']);
  return JSON.stringify(part);
}
