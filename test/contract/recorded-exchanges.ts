import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The recorded traffic lies beside the project; it is not part of it. */
export const DATA = new URL('../../../shared/data/', import.meta.url);

/** True when the recordings are there. */
export const hasData = existsSync(new URL('fixtures/interactions/', DATA));

/** Usage as the recordings sum it up; see their README. */
export interface ExpectedUsage {
  readonly input_total: number;
  readonly cached_read: number;
  readonly cache_write: number;
  readonly output_total: number | null;
  readonly reasoning: number | null;
  readonly total?: number;
}

/** One recorded HTTP exchange. */
export interface Recorded {
  readonly id: string;
  readonly request: { readonly path: string; readonly body: Readonly<Record<string, unknown>> };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly json?: unknown;
    readonly text?: string;
    /** Binary event streams. */
    readonly base64?: string;
  };
  readonly expected: {
    readonly usage: ExpectedUsage | null;
    /** As the vendor reported it, once per report. */
    readonly usage_raw: readonly Readonly<Record<string, unknown>>[];
    readonly finish: readonly string[];
    readonly text: string | null;
    readonly tool_calls: readonly { readonly name: string; readonly arguments: string }[] | null;
  };
}

/** The exchanges of one file, without those in a vendor's other languages. */
export function readRecorded(name: string): readonly Recorded[] {
  const path = fileURLToPath(new URL(`fixtures/interactions/${name}.jsonl`, DATA));
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Recorded);
}

/** The body as it came over the wire. */
export function bodyOf({ response }: Recorded): Buffer {
  if (response.base64 !== undefined) return Buffer.from(response.base64, 'base64');
  return Buffer.from(response.text ?? JSON.stringify(response.json));
}

/** Finds what is wrong with a value by OpenAI's own schemas: null, or findings as one text. */
export type Check = (schema: string, value: unknown) => string | null;

/** The validator that comes with the recordings. It needs `ajv`, which only this project has installed, so it runs from a copy
 *  beside our packages. */
export async function loadCheck(): Promise<Check> {
  const place = new URL('../../node_modules/.cache/aip-openai-schemas/', import.meta.url);
  mkdirSync(place, { recursive: true });
  for (const name of ['openai.json.gz', 'validate-openai.mjs'])
    copyFileSync(new URL(`specs/${name}`, DATA), new URL(name, place));
  const module = (await import(fileURLToPath(new URL('validate-openai.mjs', place)))) as { readonly check: Check };
  return module.check;
}
