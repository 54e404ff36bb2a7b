import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const VKEY = /^([^\s+\p{Cc}]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/u;

/** What a note key signs. `note`: the text itself; `cosignature`: the text under a time, as witnesses do.
 *  Source: C2SP signed-note (0x01), tlog-cosignature (0x04). */
export type NoteKeyKind = 'note' | 'cosignature';

const TYPES: Readonly<Record<NoteKeyKind, number>> = { note: 1, cosignature: 4 };

/** A public key that a note line may be signed with. */
export interface NoteKey {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly id: string;
  readonly kind: NoteKeyKind;
  readonly publicKey: KeyObject;
  /** The text form this key was read from. */
  readonly vkey: string;
}

/** The 32 raw bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length);
}

/** First four bytes of SHA-256(name ‖ LF ‖ type ‖ key), in hex. Source: C2SP signed-note. */
function keyIdOf(name: string, typed: Buffer): string {
  return createHash('sha256').update(name).update('\n').update(typed).digest('hex').slice(0, 8);
}

/** A verifier key in text form: `name+id+base64(type ‖ key)`. Source: C2SP signed-note. */
export function verifierKey(name: string, publicKey: Buffer, kind: NoteKeyKind = 'note'): string {
  const typed = Buffer.concat([Buffer.from([TYPES[kind]]), publicKey]);
  return `${name}+${keyIdOf(name, typed)}+${typed.toString('base64')}`;
}

/** Reads a verifier key; undefined when it is malformed or its id is not that of its name and key. Attacker-controlled. */
export function readVerifierKey(vkey: string): NoteKey | undefined {
  const [, name = '', id = '', encoded = ''] = VKEY.exec(vkey) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  const kind = typed[0] === TYPES.note ? 'note' : typed[0] === TYPES.cosignature ? 'cosignature' : undefined;
  if (kind === undefined || typed.length !== 1 + KEY_BYTES || typed.toString('base64') !== encoded) return undefined;
  if (keyIdOf(name, typed) !== id) return undefined;
  try {
    const publicKey = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]),
      format: 'der',
      type: 'spki',
    });
    return { name, id, kind, publicKey, vkey };
  } catch {
    return undefined;
  }
}

/** The bytes a witness signs. `atSeconds`: Unix time. Source: C2SP tlog-cosignature. */
export function cosignedBytes(text: string, atSeconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${String(atSeconds)}\n${text}`);
}

/** A signature that holds. `atSeconds`: when a witness signed, null on plain signatures. */
export interface GoodSignature {
  readonly key: NoteKey;
  readonly atSeconds: number | null;
}

/** Checks one signature's bytes over a note's text; undefined when it does not hold. Attacker-controlled; never throws. */
export function checkSignature(key: NoteKey, text: string, signature: Buffer): GoodSignature | undefined {
  if (key.kind === 'note') {
    const holds = signature.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), key.publicKey, signature);
    return holds ? { key, atSeconds: null } : undefined;
  }
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const atSeconds = Number(signature.readBigUInt64BE());
  if (!Number.isSafeInteger(atSeconds)) return undefined;
  const holds = verify(null, cosignedBytes(text, atSeconds), key.publicKey, signature.subarray(TIME_BYTES));
  return holds ? { key, atSeconds } : undefined;
}
