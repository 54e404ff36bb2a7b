import { hash } from 'node:crypto';

import type { AccessTokenClaims } from './domain/access-token.js';

const CAPACITY = 10_000;

/** Remembers verified access tokens by the SHA-256 of their whole text, until they expire; at most 10 000, the one unused for
 *  longest goes first. */
export class TokenCache {
  readonly #claims = new Map<string, AccessTokenClaims>();

  /** The claims of a token that was verified and has not expired. */
  find(token: string, nowMs: number): AccessTokenClaims | undefined {
    const key = hash('sha256', token, 'base64');
    const claims = this.#claims.get(key);
    if (claims === undefined) return undefined;
    this.#claims.delete(key);
    if (claims.expiresAtMs <= nowMs) return undefined;
    this.#claims.set(key, claims);
    return claims;
  }

  /** Keeps the claims of a verified token. */
  keep(token: string, claims: AccessTokenClaims): void {
    this.#claims.set(hash('sha256', token, 'base64'), claims);
    if (this.#claims.size <= CAPACITY) return;
    const [oldest] = this.#claims.keys();
    if (oldest !== undefined) this.#claims.delete(oldest);
  }

  get size(): number {
    return this.#claims.size;
  }
}
