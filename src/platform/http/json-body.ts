import { AppError } from '../errors/index.js';

const MAX_DEPTH = 32;

function walk(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) {
    throw new AppError('invalid_json', `The body is nested deeper than ${String(MAX_DEPTH)} levels.`);
  }
  if (Array.isArray(value)) {
    // Long vectors hold numbers only: looking at each costs more than it finds.
    if (typeof value[0] !== 'number') for (const item of value) walk(item, depth + 1);
    return;
  }
  for (const key in value) {
    if (key === '__proto__') throw new AppError('invalid_json', 'A member may not be named __proto__.', { param: key });
    walk((value as Record<string, unknown>)[key], depth + 1);
  }
}

/** Parses a JSON body once. Attacker-controlled: at most 32 levels, no `__proto__`, valid UTF-8.
 *  @throws AppError invalid_json */
export function parseJsonBody(body: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new AppError('invalid_json', `The body is not valid JSON: ${whereOf(error)}.`);
  }
  walk(value, 1);
  return value;
}

/** Position only: the engine's message quotes the text, which may be confidential. */
function whereOf(error: unknown): string {
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? 'it ends too early or is empty' : `unexpected character at position ${position}`;
}
