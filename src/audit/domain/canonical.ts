/** A value that a record may hold: integers, text, flags, null, dense arrays, plain objects. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of {@link JsonValue}s. An absent member is left out, never `undefined`. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const KEY = /^(?:_sd|_sd_alg|[A-Za-z][A-Za-z0-9.-]{0,63})$/;
const MAX_DEPTH = 8;

/** The value is outside what a record may hold; `at` is its path. */
export class CanonicalError extends Error {
  override readonly name = 'CanonicalError';
  constructor(what: string, at: string) {
    super(`${what} at ${at === '' ? 'the top' : at}`);
  }
}

function writeNumber(value: number, at: string): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0))
    throw new CanonicalError('Not an integer within ±(2^53−1)', at);
  return String(value);
}

function writeObject(value: object, at: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new CanonicalError('Not a plain object', at);
  const members = Object.keys(value)
    .sort()
    .map((key) => {
      if (!KEY.test(key)) throw new CanonicalError('A key that records do not use', `${at}.${key.slice(0, 64)}`);
      return `${JSON.stringify(key)}:${write((value as JsonObject)[key], `${at}.${key}`, depth + 1)}`;
    });
  return `{${members.join(',')}}`;
}

function write(value: unknown, at: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new CanonicalError(`Deeper than ${String(MAX_DEPTH)} levels`, at);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') return writeNumber(value, at);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new CanonicalError('Text with a lone surrogate', at);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    const items: string[] = [];
    for (let index = 0; index < value.length; index += 1) {
      if (!(index in value)) throw new CanonicalError('A gap in an array', `${at}[${String(index)}]`);
      items.push(write(value[index], `${at}[${String(index)}]`, depth + 1));
    }
    return `[${items.join(',')}]`;
  }
  if (typeof value === 'object') return writeObject(value, at, depth);
  throw new CanonicalError(`A ${typeof value}`, at);
}

/** The one spelling of a value: RFC 8785 order and escapes, narrowed to what records use.
 *  Source: RFC 8785 §3.2; evidence page §2.1. @throws CanonicalError — a value no record may hold */
export function canonical(value: JsonValue): string {
  return write(value, '', 0);
}

/** True when `text` is exactly how {@link canonical} writes what it says: one rule against duplicate keys, number spellings,
 *  escapes and white space. Attacker-controlled; never throws. */
export function isCanonical(text: string): boolean {
  try {
    return canonical(JSON.parse(text) as JsonValue) === text;
  } catch {
    return false;
  }
}
