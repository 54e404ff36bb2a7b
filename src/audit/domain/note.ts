import { checkSignature, type GoodSignature, type NoteKey } from './note-key.js';

const MAX_BYTES = 1024 * 1024;
const MAX_SIGNATURES = 100;
const KEY_ID_BYTES = 4;
const LINE = /^\u2014 ([^\s+\p{Cc}]{1,255}) ([A-Za-z0-9+/]{4,}={0,2})$/u;
// Everything below U+0020 but the line feed, and DEL.
// eslint-disable-next-line no-control-regex -- that is what is refused
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f]/;

/** One signature line. */
export interface SignatureLine {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  readonly signature: Buffer;
}

/** A note: text that ends with a line feed, and who signed it. */
export interface Note {
  readonly text: string;
  readonly lines: readonly SignatureLine[];
}

/** Reads a signed note; undefined when its form is wrong. Attacker-controlled; bounded; never throws.
 *  Source: C2SP signed-note. */
export function readNote(note: string): Note | undefined {
  if (note.length > MAX_BYTES || !note.isWellFormed() || CONTROL.test(note) || !note.endsWith('\n')) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  const written = note.slice(split + 2, -1).split('\n');
  if (text.trim() === '' || written.length > MAX_SIGNATURES) return undefined;
  const lines = written.map((line) => readLine(line));
  return lines.every((line) => line !== undefined) ? { text, lines } : undefined;
}

function readLine(line: string): SignatureLine | undefined {
  const [, name = '', encoded = ''] = LINE.exec(line) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== encoded) return undefined;
  return { name, keyId: bytes.toString('hex', 0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

/** Writes one signature line, line feed included. */
export function writeLine(key: Pick<NoteKey, 'name' | 'id'>, signature: Buffer): string {
  return `\u2014 ${key.name} ${Buffer.concat([Buffer.from(key.id, 'hex'), signature]).toString('base64')}\n`;
}

/** Writes a note from its text and signature lines. */
export function writeNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.join('')}`;
}

/** What a note's signatures are worth. */
export interface OpenedNote {
  readonly text: string;
  readonly good: readonly GoodSignature[];
  /** Lines of keys that are not known. */
  readonly unknown: readonly SignatureLine[];
}

/** Checks a note under known keys. One wrong line of a known key spoils the whole note, as does a second line of it; lines of
 *  other keys are passed over. Attacker-controlled; never throws. Source: C2SP signed-note. */
export function openNote(note: string, keys: readonly NoteKey[]): OpenedNote | 'E_NOTE' | 'E_SIG' {
  const read = readNote(note);
  if (read === undefined) return 'E_NOTE';
  const good: GoodSignature[] = [];
  const unknown: SignatureLine[] = [];
  for (const line of read.lines) {
    const key = keys.find(({ name, id }) => name === line.name && id === line.keyId);
    if (key === undefined) {
      unknown.push(line);
      continue;
    }
    if (good.some((one) => one.key === key)) return 'E_NOTE';
    const signature = checkSignature(key, read.text, line.signature);
    if (signature === undefined) return 'E_SIG';
    good.push(signature);
  }
  return { text: read.text, good, unknown };
}
