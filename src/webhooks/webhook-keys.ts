import { Injectable } from '@nestjs/common';

import { newId } from '../platform/ids/index.js';
import { SecretBox, type SealPlace } from '../platform/secrets/index.js';
import { makeSigningKey, signMessage, type SignedMessage } from './domain/signature.js';
import type { KeyFacts, SignatureScheme, StoredKey } from './domain/webhook.js';

const VERSION = 1;

/** A key as it is shown to whoever made it; `secret` only then, and only where the receiver needs it. */
export interface ShownKey {
  readonly id: string;
  readonly scheme: SignatureScheme;
  readonly secret: string | null;
  readonly publicKey: string | null;
  readonly retiresAtMs: number | null;
}

/** Makes and uses signing keys; at rest they are sealed, a private key never leaves. */
@Injectable()
export class WebhookKeys {
  constructor(private readonly box: SecretBox) {}

  /** One key per scheme. */
  make(
    endpointId: string,
    schemes: readonly SignatureScheme[],
    nowMs: number,
  ): { readonly stored: readonly StoredKey[]; readonly shown: readonly ShownKey[] } {
    const made = schemes.map((scheme) => {
      const id = newId();
      const { secret, publicKey } = makeSigningKey(scheme);
      const { bytes, keyId } = this.box.seal(secret, placeOf({ id, endpointId }));
      const facts = { id, endpointId, scheme, publicKey, createdAtMs: nowMs, retiresAtMs: null };
      return {
        stored: { ...facts, sealed: bytes, sealedWith: keyId },
        shown: { id, scheme, publicKey, retiresAtMs: null, secret: scheme === 'v1' ? secret : null },
      };
    });
    return { stored: made.map(({ stored }) => stored), shown: made.map(({ shown }) => shown) };
  }

  /** What may be shown at any time. */
  show({ id, scheme, publicKey, retiresAtMs }: KeyFacts): ShownKey {
    return { id, scheme, publicKey, retiresAtMs, secret: null };
  }

  /** Value of `webhook-signature`: one entry per key, separated by blanks. */
  sign(keys: readonly StoredKey[], message: SignedMessage): string {
    return keys
      .map((key) => {
        const secret = this.box.open({ bytes: key.sealed, keyId: key.sealedWith }, placeOf(key));
        return signMessage(secret.reveal(), message);
      })
      .join(' ');
  }
}

function placeOf({ id, endpointId }: Pick<StoredKey, 'id' | 'endpointId'>): SealPlace {
  return { kind: 'webhook', id, ownerId: endpointId, version: VERSION };
}
