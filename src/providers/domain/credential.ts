/** What is known of a credential without its secret. */
export interface CredentialFacts {
  readonly id: string;
  readonly providerId: string;
  readonly name: string;
  readonly scheme: 'bearer' | 'header' | 'azure' | 'sigv4' | 'google_sa' | 'none';
  /** Last four characters of a long secret. */
  readonly hint: string | null;
  readonly expiresAtMs: number | null;
  readonly state: 'active' | 'suspect' | 'suspended' | 'revoked';
  readonly version: number;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
}

/** A credential as it lies in the database. */
export interface StoredCredential extends CredentialFacts {
  /** `0x01 ‖ nonce ‖ ciphertext ‖ tag`. */
  readonly sealed: Buffer;
  readonly keyId: string;
}

const SUSPECT_MS = 30_000;
const SUSPEND_MS = 15 * 60_000;
const SUSPEND_MOST_MS = 6 * 3_600_000;

/** What calls taught about one version of a credential. */
export interface CredentialHealth {
  /** Refusals in a row. */
  readonly strikes: number;
  /** Not used before. */
  readonly blockedUntilMs: number;
}

/** A credential nobody complained about. */
export const TRUSTED: CredentialHealth = Object.freeze({ strikes: 0, blockedUntilMs: 0 });

/** What follows from a refusal: the first `credential` refusal makes it suspect for 30 s, the next and every exhausted quota
 *  suspend it for 15 min, doubling to 6 h, or until the provider's own reset. */
export function struck(
  health: CredentialHealth,
  refusal: { readonly kind: 'credential' | 'quota_exhausted'; readonly retryAfterMs?: number | undefined },
  atMs: number,
): CredentialHealth {
  const strikes = health.strikes + 1;
  if (refusal.kind === 'credential' && strikes === 1) return { strikes, blockedUntilMs: atMs + SUSPECT_MS };
  const doublings = refusal.kind === 'credential' ? strikes - 2 : strikes - 1;
  const ownMs = Math.min(SUSPEND_MOST_MS, SUSPEND_MS * 2 ** Math.min(doublings, 10));
  return { strikes, blockedUntilMs: atMs + Math.min(SUSPEND_MOST_MS, refusal.retryAfterMs ?? ownMs) };
}
