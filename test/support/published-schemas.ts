import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const FILE = path.resolve('..', 'shared', 'data', 'specs', 'openai.json.gz');

/** Members whose value is data, not schema. */
const LITERAL = new Set(['default', 'example', 'examples', 'enum', 'const']);

/** Names of published schemas that answers are held against. */
export type PublishedSchema =
  | 'CreateChatCompletionResponse'
  | 'CreateChatCompletionStreamResponse'
  | 'CreateEmbeddingResponse'
  | 'ErrorResponse'
  | 'ListModelsResponse'
  | 'Model';

/** Judges a value by a published schema; returns what is wrong, empty when nothing is. */
export type Check = (name: PublishedSchema, value: unknown) => readonly string[];

/** The published document is OpenAPI 3.1 with remains of 3.0: `nullable` becomes a union, `discriminator` and `x-…` go. */
function toJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== 'discriminator' && !key.startsWith('x-'))
      .map(([key, value]) => [key, LITERAL.has(key) ? (value as unknown) : toJsonSchema(value)]),
  );
  return nullable === true ? { anyOf: [rest, { type: 'null' }] } : rest;
}

/** A check against OpenAI's published OpenAPI document; undefined where the folder of published data is absent.
 *  @throws Error when it is absent although AIP_TEST_REQUIRE_DATA=1 */
export function publishedSchemas(): Check | undefined {
  if (!existsSync(FILE)) {
    // eslint-disable-next-line no-restricted-syntax -- a switch of the test run
    if (process.env['AIP_TEST_REQUIRE_DATA'] === '1') throw new Error(`The published schemas are missing: ${FILE}`);
    return undefined;
  }
  const document = JSON.parse(gunzipSync(readFileSync(FILE)).toString('utf8')) as { components: { schemas: unknown } };
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema({ $id: 'openai', components: { schemas: toJsonSchema(document.components.schemas) } });
  const compiled = new Map<string, ValidateFunction>();
  return (name, value) => {
    const validate = compiled.get(name) ?? ajv.compile({ $ref: `openai#/components/schemas/${name}` });
    compiled.set(name, validate);
    void validate(value);
    return (validate.errors ?? []).slice(0, 4).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
  };
}
