import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { ProvidersConfig } from '../platform/config/index.js';
import { isUniqueViolation, UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { checkBaseUrl } from './domain/base-url.js';
import type { CredentialFacts } from './domain/credential.js';
import { defaultCapabilities } from './domain/default-capabilities.js';
import type { State } from './domain/deployment.js';
import { parseCidr } from './domain/ip-address.js';
import type { Provider, StoredDeployment } from './domain/provider.js';
import { vendorOf } from './domain/vendors.js';
import { CredentialAdmin } from './credential-admin.js';
import { ProviderRows } from './persistence/provider-rows.js';
import { ProviderChanges } from './provider-changes.js';
import type { NewProvider, ProviderPatch } from './provider-input.js';

/** A provider with what hangs on it; secrets are not part of it. */
export interface ProviderView {
  readonly provider: Provider;
  readonly deployments: readonly StoredDeployment[];
  readonly credentials: readonly CredentialFacts[];
}

/** An object and the version a change of it is based on. */
export interface Target {
  readonly id: string;
  readonly version: number;
}

/** Adds, changes, drains and removes providers at run time. Each change is audited and in force on this replica when it resolves. */
@Injectable()
export class ProviderAdminService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly rows: ProviderRows,
    private readonly credentials: CredentialAdmin,
    private readonly changes: ProviderChanges,
    private readonly config: ProvidersConfig,
    private readonly clock: Clock,
  ) {}

  /** By name, one more than `limit` when there are more. */
  async findProviders(page: {
    readonly after: Keyset | undefined;
    readonly limit: number;
  }): Promise<readonly Provider[]> {
    return this.unitOfWork.read((tx) => this.rows.providers.findPage(tx, page.limit, page.after));
  }

  /** @throws AppError not_found */
  async findProvider(id: string): Promise<ProviderView> {
    return this.unitOfWork.read(async (tx) => {
      const provider = await this.rows.providers.findById(tx, id);
      if (provider === undefined) throw noProvider();
      return {
        provider,
        deployments: await this.rows.deployments.findAll(tx, id),
        credentials: await this.rows.credentials.findOfProvider(tx, id),
      };
    });
  }

  /** Adds a provider with its first credential and deployments: it serves the next request.
   *  @throws AppError invalid_value — an address that may not be called; conflict — the name is taken */
  async createProvider(principal: Principal, input: NewProvider): Promise<ProviderView> {
    this.#requireAllowed(input.network);
    const nowMs = this.clock.nowMs();
    const provider: Provider = {
      id: newId(),
      name: input.name,
      vendor: input.vendor,
      dialect: input.dialect ?? vendorOf(input.vendor).dialect,
      baseUrl: this.#checked(input.baseUrl, input.network),
      network: input.network,
      authHeader: input.authHeader ?? vendorOf(input.vendor).authHeader,
      currency: input.currency,
      claims: [],
      quirks: input.quirks,
      state: 'enabled',
      managedBy: 'ui',
      version: 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    await this.#write(async (tx) => {
      await this.rows.providers.insert(tx, provider);
      const credential =
        input.credential === undefined ? undefined : await this.credentials.insert(tx, provider, input.credential);
      await this.rows.deployments.insert(
        tx,
        input.deployments.map((one) => ({
          ...one,
          id: newId(),
          providerId: provider.id,
          credentialIds: credential === undefined ? [] : [credential.id],
          capabilities: defaultCapabilities(provider.vendor, one.capabilities as never),
          limits: one.limits as StoredDeployment['limits'],
          timers: one.timers as StoredDeployment['timers'],
          state: 'enabled' as const,
          deprecatedAtMs: null,
          managedBy: 'ui' as const,
          version: 1,
          createdAtMs: nowMs,
          updatedAtMs: nowMs,
        })),
      );
      await this.changes.write(tx, principal, {
        kind: 'provider',
        id: provider.id,
        version: 1,
        fields: ['name', 'vendor', 'baseUrl', 'network', 'deployments'],
        state: 'enabled',
        new: { baseUrl: provider.baseUrl, name: provider.name, network: provider.network, vendor: provider.vendor },
      });
    });
    return this.findProvider(provider.id);
  }

  /** Changes a provider; running attempts keep what they started with.
   *  @throws AppError not_found; version_conflict; managed_by_file; invalid_value */
  async updateProvider(principal: Principal, target: Target, patch: ProviderPatch): Promise<ProviderView> {
    await this.#write(async (tx) => {
      const before = await this.#lock(tx, target);
      const after: Provider = {
        ...before,
        name: patch.name ?? before.name,
        baseUrl: patch.baseUrl === undefined ? before.baseUrl : this.#checked(patch.baseUrl, before.network),
        authHeader: patch.authHeader ?? before.authHeader,
        quirks: patch.quirks ?? before.quirks,
        version: before.version + 1,
        updatedAtMs: this.clock.nowMs(),
      };
      await this.rows.providers.update(tx, after);
      await this.changes.write(tx, principal, {
        kind: 'provider',
        id: after.id,
        version: after.version,
        fields: Object.keys(patch),
        old: { baseUrl: before.baseUrl, name: before.name },
        new: { baseUrl: after.baseUrl, name: after.name },
      });
    });
    return this.findProvider(target.id);
  }

  /** `draining`: no new attempts; `enabled`: back in service; `disabled`: out. @throws AppError not_found; version_conflict */
  async setProviderState(principal: Principal, target: Target, state: State): Promise<ProviderView> {
    await this.#write(async (tx) => {
      const before = await this.#lock(tx, target);
      const after = { ...before, state, version: before.version + 1, updatedAtMs: this.clock.nowMs() };
      await this.rows.providers.update(tx, after);
      await this.changes.write(tx, principal, {
        kind: 'provider',
        id: after.id,
        version: after.version,
        fields: ['state'],
        state,
      });
    });
    return this.findProvider(target.id);
  }

  /** Switches a provider off that drains and has nothing running; without effect when it does not drain (any more). */
  async finishDrain(id: string): Promise<void> {
    await this.#write(async (tx) => {
      const before = await this.rows.providers.findByIdForUpdate(tx, id);
      if (before?.state !== 'draining') return;
      const version = before.version + 1;
      await this.rows.providers.update(tx, { ...before, state: 'disabled', version, updatedAtMs: this.clock.nowMs() });
      await this.changes.finish(tx, { kind: 'provider', id, version, fields: ['state'], state: 'disabled' });
    });
  }

  /** Takes a provider and its deployments out; records still point at the rows.
   *  @throws AppError conflict — a model would lose its last deployment and `force` was not said */
  async removeProvider(principal: Principal, target: Target, force: boolean): Promise<void> {
    await this.#write(async (tx) => {
      const provider = await this.#lock(tx, target);
      const ids = (await this.rows.deployments.findAll(tx, provider.id)).map(({ id }) => id);
      const orphaned = await this.rows.deployments.findOrphaned(tx, ids);
      if (orphaned.length > 0 && !force) throw await this.changes.refuseLast(tx, orphaned);
      const nowMs = this.clock.nowMs();
      await this.rows.deployments.markRemoved(tx, ids, nowMs);
      await this.rows.providers.markRemoved(tx, provider.id, nowMs);
      await this.changes.write(tx, principal, {
        kind: 'provider',
        id: provider.id,
        version: provider.version + 1,
        fields: ['removedAt'],
        state: 'removed',
      });
    });
  }

  async #lock(tx: Tx, target: Target): Promise<Provider> {
    const provider = await this.rows.providers.findByIdForUpdate(tx, target.id);
    if (provider === undefined) throw noProvider();
    requireVersion(provider.version, target.version);
    if (provider.managedBy === 'file')
      throw new AppError('managed_by_file', 'This provider is managed by a configuration file. Change the file.');
    return provider;
  }

  #checked(baseUrl: string, network: Provider['network']): string {
    return checkBaseUrl(
      baseUrl,
      network,
      this.config.allowCidrs.flatMap((text) => parseCidr(text) ?? []),
    );
  }

  #requireAllowed(network: Provider['network']): void {
    if (network !== 'simulated' || this.config.allowSimulated) return;
    throw new AppError(
      'invalid_value',
      'network: simulated partners are refused here. An operator can allow them with AIP_ALLOW_SIMULATED=1.',
      {
        param: 'network',
      },
    );
  }

  async #write(work: (tx: Tx) => Promise<void>): Promise<void> {
    try {
      await this.snapshots.change(work);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new AppError('conflict', 'A provider of this name, or a deployment of this model there, exists already.', {
        cause: error,
      });
    }
  }
}

function noProvider(): AppError {
  return new AppError('not_found', 'There is no such provider.');
}
