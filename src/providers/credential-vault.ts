import { Injectable } from '@nestjs/common';

import { struck, TRUSTED, type CredentialHealth, type StoredCredential } from './domain/credential.js';
import type { Deployment } from './domain/deployment.js';
import type { ProviderDirectory } from './domain/provider-directory.js';
import { AUTH_SCHEMES, type AuthScheme } from './auth.js';
import { SecretBox, type Secret, type SealPlace } from '../platform/secrets/index.js';

/** A credential ready to be used for one attempt. */
export interface UsableCredential {
  readonly id: string;
  readonly scheme: AuthScheme;
  readonly headerName: string;
  readonly secret: Secret;
}

const NONE_NEEDED: readonly null[] = Object.freeze([null]);

/** Opens credentials when they are first needed and remembers which of them providers refuse. Secrets stay in this process. */
@Injectable()
export class CredentialVault {
  #directory: ProviderDirectory | undefined;
  #opened = new Map<string, Secret>();
  #health = new Map<string, CredentialHealth>();

  constructor(private readonly box: SecretBox) {}

  /** Takes over a new configuration: what was opened or learned about other versions is forgotten. */
  adopt(directory: ProviderDirectory): void {
    this.#directory = directory;
    const known = new Set([...directory.credentials.values()].map(keyOf));
    this.#opened = new Map([...this.#opened].filter(([key]) => known.has(key)));
    this.#health = new Map([...this.#health].filter(([key]) => known.has(key)));
  }

  /** Credentials of a deployment that may be used, in its order: `[null]` when it needs none, empty when all are revoked,
   *  expired, suspended or under suspicion. */
  usable(deployment: Deployment, atMs: number): readonly (string | null)[] {
    if (deployment.credentialIds.length === 0) return NONE_NEEDED;
    return deployment.credentialIds.filter((id) => this.#find(id, deployment, atMs) !== undefined);
  }

  /** Opens one of {@link usable}; `null` for none needed, `undefined` when it may not be used any more. */
  open(deployment: Deployment, id: string | null, atMs: number): UsableCredential | null | undefined {
    if (id === null) return null;
    const credential = this.#find(id, deployment, atMs);
    if (credential === undefined) return undefined;
    return {
      id,
      scheme: credential.scheme,
      headerName: this.#directory?.authHeaders.get(credential.providerId) ?? 'x-api-key',
      secret: this.#open(credential),
    };
  }

  /** The first credential of a deployment that may be used: `null` when it needs none, `undefined` when there is none. */
  pick(deployment: Deployment, atMs: number): UsableCredential | null | undefined {
    const [first] = this.usable(deployment, atMs);
    return first === undefined ? undefined : this.open(deployment, first, atMs);
  }

  /** True when {@link pick} would find one, or none is needed. */
  isUsable(deployment: Deployment, atMs: number): boolean {
    return this.usable(deployment, atMs).length > 0;
  }

  /** A provider refused the credential. */
  refused(
    id: string,
    refusal: { readonly kind: 'credential' | 'quota_exhausted'; readonly retryAfterMs?: number | undefined },
    atMs: number,
  ): void {
    const credential = this.#directory?.credentials.get(id);
    if (credential === undefined) return;
    const key = keyOf(credential);
    this.#health.set(key, struck(this.#health.get(key) ?? TRUSTED, refusal, atMs));
  }

  /** A provider accepted the credential. */
  accepted(id: string): void {
    if (this.#health.size === 0) return;
    const credential = this.#directory?.credentials.get(id);
    if (credential !== undefined) this.#health.delete(keyOf(credential));
  }

  #find(id: string, deployment: Deployment, atMs: number): StoredCredential | undefined {
    const credential = this.#directory?.credentials.get(id);
    return credential !== undefined && this.#mayUse(credential, deployment, atMs) ? credential : undefined;
  }

  /** A secret only goes to the provider it belongs to. */
  #mayUse(credential: StoredCredential, deployment: Deployment, atMs: number): boolean {
    if (credential.providerId !== deployment.providerId) return false;
    if (credential.state !== 'active' && credential.state !== 'suspect') return false;
    if (credential.expiresAtMs !== null && credential.expiresAtMs <= atMs) return false;
    if (!(AUTH_SCHEMES as readonly string[]).includes(credential.scheme)) return false;
    return (this.#health.get(keyOf(credential))?.blockedUntilMs ?? 0) <= atMs;
  }

  #open(credential: StoredCredential): Secret {
    const key = keyOf(credential);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const secret = this.box.open({ bytes: credential.sealed, keyId: credential.keyId }, placeOf(credential));
    this.#opened.set(key, secret);
    return secret;
  }
}

/** Where the secret of a version of a credential lies. */
export function placeOf({
  id,
  providerId,
  version,
}: Pick<StoredCredential, 'id' | 'providerId' | 'version'>): SealPlace {
  return { kind: 'credential', id, ownerId: providerId, version };
}

function keyOf(credential: Pick<StoredCredential, 'id' | 'version'>): string {
  return `${credential.id} ${String(credential.version)}`;
}
