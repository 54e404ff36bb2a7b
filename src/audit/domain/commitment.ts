import { hash } from 'node:crypto';

import { canonical, decodeUtf8, parseCanonical, type JsonValue } from './canonical.js';

const SALT_BYTES = 16;

/** Whom a disclosure can harm: `o` the officer, `s` the case and its subjects. */
export type DisclosureClass = 'o' | 's';

/** A fact that is committed to now and shown only to those who may see it. */
export interface Disclosure {
  readonly class: DisclosureClass;
  readonly name: string;
  readonly value: JsonValue;
}

/** A disclosure in the form that is kept and handed out: base64url of `[salt, name, value]`. */
export interface SealedDisclosure {
  readonly class: DisclosureClass;
  /** ASCII. */
  readonly text: string;
  /** 43 base64url characters. */
  readonly digest: string;
}

/** Digest of a disclosure's text. Source: RFC 9901 §4.2.3. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** Salts a disclosure and commits to it. `salt`: 16 unpredictable bytes. */
export function seal(disclosure: Disclosure, salt: Buffer): SealedDisclosure {
  const array = canonical([salt.toString('base64url'), disclosure.name, disclosure.value]);
  const text = Buffer.from(array, 'utf8').toString('base64url');
  return { class: disclosure.class, text, digest: digestOf(text) };
}

/** Reads a disclosure's text; undefined when it is malformed, not canonical, or its salt is too short. Attacker-controlled. */
export function openDisclosure(text: string): { readonly name: string; readonly value: JsonValue } | undefined {
  const array = decodeUtf8(Buffer.from(text, 'base64url'));
  const parts = array === undefined ? undefined : parseCanonical(array);
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [salt, name, value] = parts as unknown as readonly [JsonValue, JsonValue, JsonValue];
  if (typeof salt !== 'string' || typeof name !== 'string') return undefined;
  if (Buffer.from(salt, 'base64url').length < SALT_BYTES) return undefined;
  return { name, value };
}

/** The sorted `_sd` list: digests of the disclosures, padded with random decoys so that neither names nor number show.
 *  `decoy` returns 32 unpredictable bytes. */
export function committedList(
  sealed: readonly SealedDisclosure[],
  padTo: number,
  decoy: () => Buffer,
): readonly string[] {
  if (sealed.length > padTo)
    throw new Error(`${String(sealed.length)} disclosures do not fit a type padded to ${String(padTo)}`);
  const digests = sealed.map(({ digest }) => digest);
  while (digests.length < padTo) digests.push(decoy().toString('base64url'));
  return digests.sort();
}
