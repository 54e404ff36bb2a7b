import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import type { Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { Provider } from './domain/provider.js';
import type { CredentialFacts, StoredCredential } from './domain/credential.js';
import { placeOf } from './credential-vault.js';
import { requireForm, tellingPart } from './domain/credential-form.js';
import { vendorOf } from './domain/vendors.js';
import { ProviderRows } from './persistence/provider-rows.js';
import { ProviderChanges } from './provider-changes.js';
import type { NewCredential } from './provider-input.js';
import { hintOf, SecretBox } from '../platform/secrets/index.js';

/** Adds, rotates and revokes credentials. A secret goes in and never comes out. */
@Injectable()
export class CredentialAdmin {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly rows: ProviderRows,
    private readonly box: SecretBox,
    private readonly changes: ProviderChanges,
    private readonly clock: Clock,
  ) {}

  /** Seals and writes a credential in the transaction of its provider. @throws AppError invalid_value — the scheme cannot use it */
  async insert(tx: Tx, provider: Pick<Provider, 'id' | 'vendor'>, input: NewCredential): Promise<StoredCredential> {
    const place = { id: newId(), providerId: provider.id, version: 1 };
    const scheme = input.scheme ?? vendorOf(provider.vendor).scheme;
    requireForm(scheme, input.secret);
    const { bytes, keyId } = this.box.seal(input.secret, placeOf(place));
    const credential: StoredCredential = {
      ...place,
      name: input.name,
      scheme,
      sealed: bytes,
      keyId,
      hint: hintOf(tellingPart(scheme, input.secret)),
      expiresAtMs: input.expiresAtMs,
      state: 'active',
      createdAtMs: this.clock.nowMs(),
      revokedAtMs: null,
    };
    await this.rows.credentials.insert(tx, credential);
    return credential;
  }

  /** Adds a credential and gives it to every deployment of its provider, after those they have. @throws AppError not_found */
  async create(principal: Principal, providerId: string, input: NewCredential): Promise<CredentialFacts> {
    return this.snapshots.change(async (tx) => {
      const provider = await this.rows.providers.findByIdForUpdate(tx, providerId);
      if (provider === undefined) throw new AppError('not_found', 'There is no such provider.');
      const credential = await this.insert(tx, provider, input);
      const nowMs = this.clock.nowMs();
      for (const deployment of await this.rows.deployments.findAll(tx, providerId)) {
        await this.rows.deployments.update(tx, {
          ...deployment,
          credentialIds: [...deployment.credentialIds, credential.id],
          version: deployment.version + 1,
          updatedAtMs: nowMs,
        });
      }
      await this.#record(tx, principal, credential, ['name', 'scheme']);
      return credential;
    });
  }

  /** Replaces the secret; the next attempt uses it. @throws AppError not_found; conflict — it is revoked; invalid_value — its scheme
   *  cannot use it */
  async rotate(
    principal: Principal,
    target: { readonly providerId: string; readonly id: string },
    secret: string,
  ): Promise<CredentialFacts> {
    return this.snapshots.change(async (tx) => {
      const before = await this.#find(tx, target);
      requireForm(before.scheme, secret);
      const place = { id: before.id, providerId: before.providerId, version: before.version + 1 };
      const { bytes, keyId } = this.box.seal(secret, placeOf(place));
      const after: StoredCredential = {
        ...before,
        ...place,
        sealed: bytes,
        keyId,
        hint: hintOf(tellingPart(before.scheme, secret)),
        state: 'active',
      };
      await this.rows.credentials.update(tx, after);
      await this.#record(tx, principal, after, ['secret']);
      return after;
    });
  }

  /** Takes a credential out of use for good. @throws AppError not_found; conflict — it is revoked already */
  async revoke(
    principal: Principal,
    target: { readonly providerId: string; readonly id: string },
  ): Promise<CredentialFacts> {
    return this.snapshots.change(async (tx) => {
      const before = await this.#find(tx, target);
      const after: StoredCredential = {
        ...before,
        state: 'revoked',
        revokedAtMs: this.clock.nowMs(),
        version: before.version + 1,
      };
      await this.rows.credentials.update(tx, after);
      await this.#record(tx, principal, after, ['state']);
      return after;
    });
  }

  async #find(
    tx: Tx,
    { providerId, id }: { readonly providerId: string; readonly id: string },
  ): Promise<StoredCredential> {
    const credential = await this.rows.credentials.findById(tx, id);
    if (credential?.providerId !== providerId) throw new AppError('not_found', 'There is no such credential.');
    if (credential.state === 'revoked') throw new AppError('conflict', 'This credential is revoked. Add a new one.');
    return credential;
  }

  async #record(tx: Tx, principal: Principal, credential: CredentialFacts, fields: readonly string[]): Promise<void> {
    const { id, version, state } = credential;
    await this.changes.write(tx, principal, { kind: 'credential', id, version, fields, state });
  }
}
