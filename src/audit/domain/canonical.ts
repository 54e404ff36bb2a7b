/** A value that a record may hold: integers, text, flags, null, dense arrays, plain objects. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of {@link JsonValue}s. An absent member is left out, never `undefined`. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const KEY = /^(?:_sd|_sd_alg|[A-Za-z][A-Za-z0-9.-]{0,63})$/;
const MAX_DEPTH = 8;

/** The value is outside what a record may hold; the message ends with its path. */
export class CanonicalError extends Error {
  override readonly name = 'CanonicalError';
  constructor(
    private readonly what: string,
    private readonly at = '',
  ) {
    super(`${what} at ${at === '' ? 'the top' : at}`);
  }

  /** The same problem, seen from one level further up. */
  below(step: string): CanonicalError {
    return new CanonicalError(this.what, step + this.at);
  }
}

function writeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new CanonicalError('Not an integer within ±(2^53−1)');
  return String(value);
}

/** Writes a member; a problem in it is reported with its path, which costs nothing as long as there is none. */
function writeBelow(value: unknown, depth: number, step: string | number): string {
  try {
    return write(value, depth);
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    throw error.below(typeof step === 'number' ? `[${String(step)}]` : `.${step}`);
  }
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new CanonicalError('Not a plain object');
  const members: string[] = [];
  // UTF-16 code units, as RFC 8785 §3.2.3 asks: the default order of sort().
  for (const key of Object.keys(value).sort()) {
    if (!KEY.test(key)) throw new CanonicalError('A key that records do not use', `.${key.slice(0, 64)}`);
    members.push(`"${key}":${writeBelow((value as JsonObject)[key], depth + 1, key)}`);
  }
  return `{${members.join(',')}}`;
}

function writeArray(value: readonly unknown[], depth: number): string {
  const items: string[] = [];
  for (let index = 0; index < value.length; index += 1) {
    if (!(index in value)) throw new CanonicalError('A gap in an array', `[${String(index)}]`);
    items.push(writeBelow(value[index], depth + 1, index));
  }
  return `[${items.join(',')}]`;
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new CanonicalError(`Deeper than ${String(MAX_DEPTH)} levels`);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new CanonicalError('Text with a lone surrogate');
    return JSON.stringify(value);
  }
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') return writeNumber(value);
  if (Array.isArray(value)) return writeArray(value, depth);
  if (typeof value === 'object') return writeObject(value, depth);
  throw new CanonicalError(`A value of type ${typeof value}`);
}

/** The one spelling of a value: RFC 8785 order and escapes, narrowed to what records use. `depth`: levels that will stand
 *  above the value where it is used, at most 8 in all.
 *  Source: RFC 8785 §3.2; evidence page §2.1. @throws CanonicalError — a value no record may hold */
export function canonical(value: JsonValue, depth = 0): string {
  return write(value, depth);
}

/** True when `text` is exactly how {@link canonical} writes what it says: one rule against duplicate keys, number spellings,
 *  escapes and white space. Attacker-controlled; never throws. */
export function isCanonical(text: string): boolean {
  return parseCanonical(text) !== undefined;
}

/** Reads a text that is canonical; undefined when it is not. Attacker-controlled; never throws. */
export function parseCanonical(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return canonical(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

// A byte order mark stays in the text, where JSON refuses it.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes that are exactly its UTF-8; undefined for anything else. Attacker-controlled; never throws. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
