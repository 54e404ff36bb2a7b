import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { DataConfig, IdentityConfig } from '../platform/config/index.js';
import { newId } from '../platform/ids/index.js';
import { ensureSecret, makeSigningKey, readSecret } from '../platform/secrets/index.js';
import type { Permission } from '../platform/security/index.js';

/** A public key as RFC 7517 writes it. */
export type PublicJwk = Readonly<Record<string, unknown>>;

interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: PublicJwk;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
}

/** Signs this installation's own access tokens (ES256) and publishes the key that verifies them. */
@Injectable()
export class LocalIssuer {
  #key: SigningKey | undefined;

  constructor(
    private readonly config: IdentityConfig,
    private readonly data: DataConfig,
    private readonly clock: Clock,
  ) {}

  /** A token for a user. `lifetimeSeconds` 1…3600. */
  sign(claims: {
    readonly subject: string;
    readonly lifetimeSeconds: number;
    readonly scope: readonly Permission[] | null;
  }): { readonly token: string; readonly id: string; readonly expiresAtMs: number } {
    const { privateKey, kid } = this.#signingKey();
    const issuedAt = Math.floor(this.clock.nowMs() / 1000);
    const id = newId();
    const expiresAt = issuedAt + claims.lifetimeSeconds;
    const head = encode({ alg: 'ES256', typ: 'at+jwt', kid });
    const body = encode({
      iss: this.config.localIssuer,
      aud: this.config.localAudience,
      sub: claims.subject,
      client_id: 'aip',
      iat: issuedAt,
      exp: expiresAt,
      jti: id,
      ...(claims.scope === null ? {} : { scope: claims.scope.join(' ') }),
    });
    const signed = Buffer.from(`${head}.${body}`);
    const signature = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return { token: `${head}.${body}.${signature.toString('base64url')}`, id, expiresAtMs: expiresAt * 1000 };
  }

  /** The public key set at `/.well-known/jwks.json`. Source: RFC 7517. */
  jwks(): { readonly keys: readonly PublicJwk[] } {
    const { jwk, kid } = this.#signingKey();
    return { keys: [{ ...jwk, kid, use: 'sig', alg: 'ES256' }] };
  }

  /** The PEM that verifies tokens signed with `kid`; `undefined` for a key that is not ours. */
  publicKey(kid: unknown): string | undefined {
    const key = this.#signingKey();
    return kid === key.kid ? key.publicKey.export({ type: 'spki', format: 'pem' }) : undefined;
  }

  /** Reads the key file, and makes it first where the installation may make its own secrets.
   *  @throws SecretFileError when it is missing or readable by others */
  #signingKey(): SigningKey {
    if (this.#key !== undefined) return this.#key;
    if (this.data.createMissingSecrets) ensureSecret(this.config.signingKeyFile, makeSigningKey);
    const privateKey = createPrivateKey(readSecret(this.config.signingKeyFile));
    if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      throw new Error(`${this.config.signingKeyFile} must hold a P-256 key. Make one with: aip secrets init`);
    }
    const publicKey = createPublicKey(privateKey);
    const jwk: PublicJwk = { ...publicKey.export({ format: 'jwk' }) };
    const { crv, kty, x, y } = jwk as Record<'crv' | 'kty' | 'x' | 'y', unknown>;
    const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
    this.#key = { privateKey, publicKey, jwk, kid };
    return this.#key;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
