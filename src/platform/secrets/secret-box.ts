import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { ProvidersConfig } from '../config/index.js';
import { readSecret } from './secret-files.js';
import { Secret } from './secret.js';

const FORMAT = 0x01;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Which row a sealed value belongs to; a copy in another row or version does not open. */
export interface SealPlace {
  /** What the secret is for; no kind opens what another sealed. */
  readonly kind: 'credential' | 'webhook';
  readonly id: string;
  /** The object the secret belongs to: a provider, an endpoint. */
  readonly ownerId: string;
  readonly version: number;
}

/** A sealed secret: `0x01 ‖ nonce(12) ‖ ciphertext ‖ tag(16)`. */
export interface Sealed {
  readonly bytes: Buffer;
  /** Names the key that sealed it: 16 hex digits of its SHA-256. */
  readonly keyId: string;
}

function additionalData(place: SealPlace): Buffer {
  return Buffer.from([place.kind, place.id, place.ownerId, String(place.version)].join('\n'));
}

/** Seals secrets at rest with AES-256-GCM under the installation's key file. */
@Injectable()
export class SecretBox {
  #key: { readonly bytes: Buffer; readonly id: string } | undefined;

  constructor(private readonly config: ProvidersConfig) {}

  /** A fresh nonce each time: sealing twice gives two values. */
  seal(text: string, place: SealPlace): Sealed {
    const key = this.#open();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(additionalData(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return { bytes: Buffer.concat([Buffer.of(FORMAT), nonce, sealed, cipher.getAuthTag()]), keyId: key.id };
  }

  /** @throws Error when the bytes were changed, moved to another row, or sealed with another key */
  open(sealed: Sealed, place: SealPlace): Secret {
    const key = this.#open();
    if (sealed.keyId !== key.id) {
      throw new Error(`The secret was sealed with key ${sealed.keyId}, the key file holds ${key.id}`);
    }
    const { bytes } = sealed;
    if (bytes[0] !== FORMAT || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error('Not a sealed secret');
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes.subarray(1, 1 + NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(additionalData(place))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return new Secret(text.toString('utf8'));
  }

  #open(): { readonly bytes: Buffer; readonly id: string } {
    if (this.#key === undefined) {
      const bytes = readSecret(this.config.encryptionKeyFile);
      if (bytes.length !== KEY_BYTES) {
        throw new Error(`${this.config.encryptionKeyFile} must hold exactly ${String(KEY_BYTES)} bytes`);
      }
      this.#key = { bytes, id: hash('sha256', bytes, 'hex').slice(0, 16) };
    }
    return this.#key;
  }
}
