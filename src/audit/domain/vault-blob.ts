import { createCipheriv, createDecipheriv } from 'node:crypto';

import { randomBytes16 } from '../../platform/ids/index.js';
import { canonical, decodeUtf8, parseCanonical } from './canonical.js';
import type { DisclosureClass } from './commitment.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DEK_ID_BYTES = 16;
const HEADER_BYTES = 2 + 1 + DEK_ID_BYTES + NONCE_BYTES + 4;

/** The disclosures of one record and class, sealed. */
export interface VaultBlob {
  /** Position of the record in its batch, 0…65535. */
  readonly index: number;
  readonly class: DisclosureClass;
  readonly dekId: string;
  readonly nonce: Buffer;
  /** Ciphertext and tag. */
  readonly sealed: Buffer;
}

/** What a blob is bound to: copied to another record, class or key it does not open. */
export interface BlobBinding {
  readonly origin: string;
  readonly recordId: string;
  readonly class: DisclosureClass;
  readonly dekId: string;
}

function associated({ origin, recordId, class: of, dekId }: BlobBinding): Buffer {
  return Buffer.from(canonical([origin, recordId, of, dekId]));
}

/** Encrypts under a data key (AES-256-GCM, fresh 96-bit nonce). */
export function encrypt(
  dek: Buffer,
  plain: Uint8Array,
  aad: Buffer,
): { readonly nonce: Buffer; readonly sealed: Buffer } {
  const nonce = randomBytes16().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', dek, nonce);
  cipher.setAAD(aad);
  const head = cipher.update(plain);
  const tail = cipher.final();
  return { nonce, sealed: Buffer.concat([head, tail, cipher.getAuthTag()]) };
}

/** Decrypts; undefined when key, binding or bytes are not those of the sealing. */
export function decrypt(
  dek: Buffer,
  { nonce, sealed }: { nonce: Buffer; sealed: Buffer },
  aad: Buffer,
): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', dek, nonce);
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Seals the texts of a record's disclosures of one class. */
export function sealTexts(
  dek: Buffer,
  texts: readonly string[],
  binding: BlobBinding,
): { nonce: Buffer; sealed: Buffer } {
  return encrypt(dek, Buffer.from(canonical([...texts])), associated(binding));
}

/** Opens a blob; undefined when it does not belong to this record or was changed. */
export function openTexts(dek: Buffer, blob: VaultBlob, binding: BlobBinding): readonly string[] | undefined {
  const plain = decrypt(dek, blob, associated(binding));
  if (plain === undefined) return undefined;
  const text = decodeUtf8(plain);
  const texts = text === undefined ? undefined : parseCanonical(text);
  return Array.isArray(texts) && texts.every((one) => typeof one === 'string') ? texts : undefined;
}

function uuidBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Blobs of a batch, one after the other: index (2), class (1), data key id (16), nonce (12), length (4), sealed. Big-endian. */
export function packBlobs(blobs: readonly VaultBlob[]): Buffer {
  const parts: Buffer[] = [];
  for (const { index, class: of, dekId, nonce, sealed } of blobs) {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt16BE(index, 0);
    header.write(of, 2, 'ascii');
    uuidBytes(dekId).copy(header, 3);
    nonce.copy(header, 3 + DEK_ID_BYTES);
    header.writeUInt32BE(sealed.length, HEADER_BYTES - 4);
    parts.push(header, sealed);
  }
  return Buffer.concat(parts);
}

/** Reads {@link packBlobs}; undefined when the bytes are cut or of another form. */
export function unpackBlobs(bytes: Buffer): readonly VaultBlob[] | undefined {
  const blobs: VaultBlob[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + HEADER_BYTES > bytes.length) return undefined;
    const of = bytes.toString('ascii', at + 2, at + 3);
    const length = bytes.readUInt32BE(at + HEADER_BYTES - 4);
    const end = at + HEADER_BYTES + length;
    if ((of !== 'o' && of !== 's') || end > bytes.length) return undefined;
    blobs.push({
      index: bytes.readUInt16BE(at),
      class: of,
      dekId: uuidText(bytes.subarray(at + 3, at + 3 + DEK_ID_BYTES)),
      nonce: bytes.subarray(at + 3 + DEK_ID_BYTES, at + HEADER_BYTES - 4),
      sealed: bytes.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return blobs;
}
