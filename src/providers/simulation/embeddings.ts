import { z } from 'zod';

import { seededRandom } from '../../platform/ids/index.js';

import { type BilledTokens } from './bill.js';
import { Refusal } from './dialect.js';
import { type JsonObject } from './json-object.js';
import { EMBEDDING_DIMENSIONS, type SimulatedModel } from './partners.js';
import { parseBody } from './read-body.js';
import { hashText } from './text-generator.js';
import { countTokens } from './tokens.js';

const MAX_INPUTS = 2_048;
const MAX_WORDS = 512;
const tokenIds = z
  .array(z.int())
  .min(1)
  .max(MAX_INPUTS * 4);
const embeddingsBody = z.object({
  input: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1).max(MAX_INPUTS),
    tokenIds,
    z.array(tokenIds).min(1).max(MAX_INPUTS),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(EMBEDDING_DIMENSIONS).nullish(),
});

/** An embeddings request: its texts, or the words that stand for token ids. */
export interface EmbeddingsPrompt {
  readonly texts: readonly string[];
  readonly encoding: 'float' | 'base64';
  /** 1…256. */
  readonly dimensions: number;
  readonly inputTokens: number;
}

/** Reads an embeddings request. @throws Refusal — a member is wrong, or one text is longer than the model's context */
export function parseEmbeddings(body: JsonObject, model: SimulatedModel): EmbeddingsPrompt {
  const parsed = parseBody(embeddingsBody, body);
  const texts: string[] = [];
  let inputTokens = 0;
  for (const input of listInputs(parsed.input)) {
    const text = typeof input === 'string' ? input : input.map((id) => `token${String(id)}`).join(' ');
    const tokens = typeof input === 'string' ? countTokens(input) : input.length;
    if (tokens > model.capabilities.context) {
      const limit = String(model.capabilities.context);
      throw new Refusal(400, 'context', `This model's maximum input is ${limit} tokens.`, { param: 'input' });
    }
    texts.push(text);
    inputTokens += tokens;
  }
  const encoding = parsed.encoding_format ?? 'float';
  return { texts, encoding, dimensions: parsed.dimensions ?? EMBEDDING_DIMENSIONS, inputTokens };
}

/** The answer in OpenAI's form, in the order of the inputs. `usage` null: no usage is reported. */
export function renderEmbeddings(
  prompt: EmbeddingsPrompt,
  answer: { readonly model: string; readonly usage: BilledTokens | null },
  seed: number,
): JsonObject {
  return {
    object: 'list',
    data: prompt.texts.map((text, index) => {
      const vector = embed(text, prompt.dimensions, seed);
      return { object: 'embedding', index, embedding: prompt.encoding === 'float' ? [...vector] : toBase64(vector) };
    }),
    model: answer.model,
    ...(answer.usage === null
      ? {}
      : { usage: { prompt_tokens: answer.usage.input, total_tokens: answer.usage.input } }),
  };
}

/** A vector of unit length: the sum of one seeded vector per word (the first 512 different ones), so texts that share
 *  words lie close together. Equal text and seed, equal vector. */
export function embed(text: string, dimensions: number, seed: number): Float32Array {
  const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]);
  const sum = new Float64Array(dimensions);
  for (const word of [...words].slice(0, MAX_WORDS)) {
    const random = seededRandom(hashText(word, seed));
    for (let at = 0; at < dimensions; at += 1) sum[at] = (sum[at] ?? 0) + random() - 0.5;
  }
  const length = Math.hypot(...sum);
  return Float32Array.from(sum, (value) => value / length);
}

function listInputs(input: z.infer<typeof embeddingsBody>['input']): readonly (string | number[])[] {
  if (typeof input === 'string') return [input];
  return isTokenIds(input) ? [input] : input;
}

function isTokenIds(input: readonly unknown[]): input is number[] {
  return typeof input[0] === 'number';
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, at) => bytes.writeFloatLE(value, at * 4));
  return bytes.toString('base64');
}
