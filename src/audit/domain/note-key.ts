import { createHash, type KeyObject } from 'node:crypto';

const ED25519 = Buffer.from([0x01]);
const SPKI_PREFIX_BYTES = 12;

/** The 32 raw bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX_BYTES);
}

/** A verifier key in text form: `name+id+base64(0x01 ‖ key)`. Source: C2SP signed-note. */
export function verifierKey(name: string, publicKey: Buffer): string {
  const typed = Buffer.concat([ED25519, publicKey]);
  const id = createHash('sha256').update(name).update('\n').update(typed).digest('hex').slice(0, 8);
  return `${name}+${id}+${typed.toString('base64')}`;
}
