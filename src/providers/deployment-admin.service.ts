import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { isUniqueViolation, UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { defaultCapabilities } from './domain/default-capabilities.js';
import type { State } from './domain/deployment.js';
import type { StoredDeployment } from './domain/provider.js';
import { ProviderRows } from './persistence/provider-rows.js';
import type { Target } from './provider-admin.service.js';
import { ProviderChanges } from './provider-changes.js';
import type { DeploymentPatch, NewDeployment } from './provider-input.js';

/** Adds, changes, drains and removes deployments at run time. */
@Injectable()
export class DeploymentAdminService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly rows: ProviderRows,
    private readonly changes: ProviderChanges,
    private readonly clock: Clock,
  ) {}

  /** By model, one more than `limit` when there are more. */
  async find(
    filter: { readonly providerId: string | null; readonly model: string | null },
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly StoredDeployment[]> {
    return this.unitOfWork.read((tx) => this.rows.deployments.findPage(tx, filter, page.limit, page.after));
  }

  /** @throws AppError not_found */
  async findOne(id: string): Promise<StoredDeployment> {
    return this.unitOfWork.read(async (tx) => this.#existing(await this.rows.deployments.findById(tx, id)));
  }

  /** Adds a deployment with all usable credentials of its provider. @throws AppError not_found; conflict — it exists */
  async create(principal: Principal, input: NewDeployment): Promise<StoredDeployment> {
    return this.#write(async (tx) => {
      const provider = await this.rows.providers.findByIdForUpdate(tx, input.providerId);
      if (provider === undefined) throw new AppError('not_found', 'There is no such provider.');
      const credentials = await this.rows.credentials.findOfProvider(tx, provider.id);
      const nowMs = this.clock.nowMs();
      const deployment: StoredDeployment = {
        ...input,
        id: newId(),
        credentialIds: credentials.filter(({ state }) => state === 'active').map(({ id }) => id),
        capabilities: defaultCapabilities(provider.vendor, input.capabilities as never),
        limits: input.limits as StoredDeployment['limits'],
        timers: input.timers as StoredDeployment['timers'],
        state: 'enabled',
        deprecatedAtMs: null,
        managedBy: 'ui',
        version: 1,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
      };
      await this.rows.deployments.insert(tx, [deployment]);
      await this.#record(tx, principal, deployment, { fields: ['model', 'upstreamModel'], state: 'enabled' });
      return deployment;
    });
  }

  /** @throws AppError not_found; version_conflict; managed_by_file; conflict */
  async update(principal: Principal, target: Target, patch: DeploymentPatch): Promise<StoredDeployment> {
    return this.#change(principal, target, { fields: Object.keys(patch) }, (before) => ({
      ...before,
      ...(patch as Partial<StoredDeployment>),
      capabilities: {
        ...before.capabilities,
        ...(patch.capabilities as Partial<StoredDeployment['capabilities']> | undefined),
      },
    }));
  }

  /** @throws AppError not_found; version_conflict */
  async setState(principal: Principal, target: Target, state: State): Promise<StoredDeployment> {
    return this.#change(principal, target, { fields: ['state'], state }, (before) => ({ ...before, state }));
  }

  /** Switches a deployment off that drains and has nothing running; without effect when it does not drain by itself (any more). */
  async finishDrain(id: string): Promise<void> {
    await this.#write(async (tx) => {
      const before = await this.rows.deployments.findById(tx, id);
      if (before?.state !== 'draining') return;
      await this.rows.providers.findByIdForUpdate(tx, before.providerId);
      const version = before.version + 1;
      const after = { ...before, state: 'disabled' as const, version, updatedAtMs: this.clock.nowMs() };
      if (!(await this.rows.deployments.update(tx, after))) return;
      await this.changes.finish(tx, { kind: 'deployment', id, version, fields: ['state'], state: 'disabled' });
    });
  }

  /** @throws AppError conflict — the model would lose its last deployment and `force` was not said */
  async remove(principal: Principal, target: Target, force: boolean): Promise<void> {
    await this.#write(async (tx) => {
      const deployment = await this.#lock(tx, target);
      const orphaned = await this.rows.deployments.findOrphaned(tx, [deployment.id]);
      if (orphaned.length > 0 && !force) throw await this.changes.refuseLast(tx, orphaned);
      await this.rows.deployments.markRemoved(tx, [deployment.id], this.clock.nowMs());
      const removed = { ...deployment, version: deployment.version + 1 };
      await this.#record(tx, principal, removed, { fields: ['removedAt'], state: 'removed' });
    });
  }

  async #change(
    principal: Principal,
    target: Target,
    facts: { readonly fields: readonly string[]; readonly state?: string },
    next: (before: StoredDeployment) => StoredDeployment,
  ): Promise<StoredDeployment> {
    return this.#write(async (tx) => {
      const before = await this.#lock(tx, target);
      const after = { ...next(before), version: before.version + 1, updatedAtMs: this.clock.nowMs() };
      await this.rows.deployments.update(tx, after);
      await this.#record(tx, principal, after, facts);
      return after;
    });
  }

  async #lock(tx: Tx, target: Target): Promise<StoredDeployment> {
    const deployment = this.#existing(await this.rows.deployments.findById(tx, target.id));
    await this.rows.providers.findByIdForUpdate(tx, deployment.providerId);
    requireVersion(deployment.version, target.version);
    if (deployment.managedBy === 'file')
      throw new AppError('managed_by_file', 'This deployment is managed by a configuration file. Change the file.');
    return deployment;
  }

  #existing(deployment: StoredDeployment | undefined): StoredDeployment {
    if (deployment === undefined) throw new AppError('not_found', 'There is no such deployment.');
    return deployment;
  }

  async #record(
    tx: Tx,
    principal: Principal,
    { id, version }: StoredDeployment,
    facts: { readonly fields: readonly string[]; readonly state?: string },
  ): Promise<void> {
    await this.changes.write(tx, principal, { kind: 'deployment', id, version, ...facts });
  }

  async #write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.snapshots.change(work);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new AppError(
        'conflict',
        'This provider has a deployment of this model, upstream model and region already.',
        { cause: error },
      );
    }
  }
}
