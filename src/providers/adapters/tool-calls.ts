import { createHash } from 'node:crypto';

import type { ToolCallDelta } from '../../openai/index.js';
import { isJsonObject, objectOf, textOf, type JsonObject } from './json-value.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const MAX_CALLS = 1_024;

/** Letters and digits derived from a text: the same for the same text, `length` ≤ 32. */
export function derivedName(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  let name = '';
  for (let at = 0; at < length; at += 1) name += ALPHABET.charAt((digest[at] ?? 0) % ALPHABET.length);
  return name;
}

interface KnownCall {
  readonly index: number;
  readonly id: string;
  hasArguments: boolean;
}

/** Arguments as OpenAI sends them: JSON text. Objects become text, absent ones nothing. */
function argumentText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string';

/** True when the types of a piece are those of OpenAI. */
function isWellFormed({ index, type, function: called }: JsonObject): boolean {
  const { name, arguments: text } = objectOf(called);
  return (
    typeof index === 'number' &&
    (type === undefined || type === 'function') &&
    isTextOrAbsent(text) &&
    isTextOrAbsent(name)
  );
}

/** Gives the tool calls of one choice ids and indexes that never change, whatever the vendor leaves out or repeats. */
export class ToolCallTracker {
  readonly #calls: KnownCall[] = [];
  readonly #byVendorIndex = new Map<number, KnownCall>();

  /** `seed`: unique per attempt and choice; missing ids are derived from it. */
  constructor(private readonly seed: string) {}

  /** True when the piece can go out as it came; it is then noted. */
  accepts(piece: unknown): boolean {
    if (!isJsonObject(piece) || !isWellFormed(piece)) return false;
    const { index, id, type } = piece;
    const hasArguments = textOf(objectOf(piece['function'])['arguments']) !== undefined;
    const known = this.#byVendorIndex.get(index as number);
    if (known !== undefined) {
      if (known.index !== index || (id !== undefined && id !== known.id)) return false;
      known.hasArguments ||= hasArguments;
      return true;
    }
    const newId = textOf(id);
    if (index !== this.#calls.length || newId === undefined || type === undefined) return false;
    this.#open(index, newId, hasArguments);
    return true;
  }

  /** The piece as OpenAI would have sent it; null when it is no tool call. */
  repair(piece: unknown): ToolCallDelta | null {
    if (!isJsonObject(piece)) return null;
    const call = objectOf(piece['function']);
    const text = argumentText(call['arguments']);
    const name = textOf(call['name']);
    const known = this.#find(piece);
    if (known !== undefined) {
      known.hasArguments ||= text !== '';
      return { index: known.index, function: { ...(name === undefined ? {} : { name }), arguments: text } };
    }
    if (this.#calls.length >= MAX_CALLS) return null;
    const { index: vendorIndex, id: _id, type: _type, function: _function, ...extra } = piece;
    const opened = this.#open(vendorIndex, textOf(piece['id']), text !== '');
    return {
      ...extra,
      index: opened.index,
      id: opened.id,
      type: 'function',
      function: { name: name ?? '', arguments: text },
    };
  }

  /** Calls that never got arguments: they get an empty object, so that every client can parse them. */
  complete(): readonly ToolCallDelta[] {
    const bare = this.#calls.filter(({ hasArguments }) => !hasArguments);
    for (const call of bare) call.hasArguments = true;
    return bare.map(({ index }) => ({ index, function: { arguments: '{}' } }));
  }

  #open(vendorIndex: unknown, id: string | undefined, hasArguments: boolean): KnownCall {
    const index = this.#calls.length;
    const call = { index, id: id ?? `call_${derivedName(`${this.seed}/${String(index)}`, 24)}`, hasArguments };
    this.#calls.push(call);
    if (typeof vendorIndex === 'number') this.#byVendorIndex.set(vendorIndex, call);
    return call;
  }

  #find(piece: JsonObject): KnownCall | undefined {
    const id = textOf(piece['id']);
    if (id !== undefined) return this.#calls.find((call) => call.id === id);
    const vendorIndex = piece['index'];
    if (typeof vendorIndex === 'number') return this.#byVendorIndex.get(vendorIndex);
    // Without id and index a piece with a name opens a call and one without goes on with the last.
    return textOf(objectOf(piece['function'])['name']) === undefined ? this.#calls.at(-1) : undefined;
  }
}
