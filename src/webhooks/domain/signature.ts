import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

import type { SignatureScheme } from './webhook.js';

/** Length of a new `v1` secret; the published range is 24…64. */
const SECRET_BYTES = 32;
/** An Ed25519 public key ends its SubjectPublicKeyInfo. Source: RFC 8410 §4. */
const PUBLIC_BYTES = 32;
const V1_PREFIX = 'whsec_';
const PRIVATE_PREFIX = 'whsk_';
const PUBLIC_PREFIX = 'whpk_';
/** PKCS#8 frame of a 32-byte Ed25519 seed. Source: RFC 8410 §7. */
const SEED_FRAME = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A fresh signing key: `secret` is what signs; `publicKey` verifies `v1a`, for `v1` the receiver needs the secret itself. */
export interface NewSigningKey {
  readonly scheme: SignatureScheme;
  readonly secret: string;
  readonly publicKey: string | null;
}

/** What is signed: `id.timestamp.body`. Source: Standard Webhooks, §Signature scheme. */
export interface SignedMessage {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/** Makes an unpredictable key. */
export function makeSigningKey(scheme: SignatureScheme): NewSigningKey {
  if (scheme === 'v1') {
    return { scheme, secret: V1_PREFIX + randomBytes(SECRET_BYTES).toString('base64'), publicKey: null };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-PUBLIC_BYTES);
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-PUBLIC_BYTES);
  return {
    scheme,
    secret: PRIVATE_PREFIX + seed.toString('base64'),
    publicKey: PUBLIC_PREFIX + raw.toString('base64'),
  };
}

function privateKeyOf(secret: string): KeyObject {
  const seed = Buffer.from(secret.slice(PRIVATE_PREFIX.length), 'base64');
  return createPrivateKey({ key: Buffer.concat([SEED_FRAME, seed]), format: 'der', type: 'pkcs8' });
}

/** One entry of `webhook-signature`: `v1,<base64>` or `v1a,<base64>`. `secret` begins with `whsec_` or `whsk_`. */
export function signMessage(secret: string, { id, timestamp, body }: SignedMessage): string {
  const text = Buffer.from(`${id}.${String(timestamp)}.${body}`);
  if (secret.startsWith(PRIVATE_PREFIX)) return `v1a,${sign(null, text, privateKeyOf(secret)).toString('base64')}`;
  const key = Buffer.from(secret.slice(V1_PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}
