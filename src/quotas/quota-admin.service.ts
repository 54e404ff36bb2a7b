import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { IdentityService } from '../identity/index.js';
import { Clock } from '../platform/clock/index.js';
import { isUniqueViolation, UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { QuotaMetric, QuotaPolicy, QuotaSubject } from './domain/quota.js';
import { requireOwnTeam } from './domain/quota-rights.js';
import { QuotaPolicyRepository } from './persistence/quota-policy.repository.js';
import { teamOf } from './subject-team.js';

/** Policies of one organisation. The snapshot of every replica holds them all. */
const MAX_POLICIES = 1_000;

/** A quota to create. Without `burst` the whole limit may come at once. */
export interface NewQuota {
  readonly name: string;
  readonly subject: QuotaSubject;
  readonly metric: QuotaMetric;
  readonly limit: number;
  readonly windowSeconds?: number | undefined;
  readonly burst?: number | undefined;
  readonly models: readonly string[] | null;
}

/** What may change. A missing member stays. */
export type QuotaPatch = {
  readonly [Name in 'name' | 'limit' | 'windowSeconds' | 'burst' | 'models']?: QuotaPolicy[Name] | undefined;
};

/** Creates, changes and removes quotas. Each change is audited and in force on this replica when it resolves. */
@Injectable()
export class QuotaAdminService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: QuotaPolicyRepository,
    private readonly audit: AuditService,
    private readonly identity: IdentityService,
    private readonly clock: Clock,
  ) {}

  /** Policies of the principal's organisation by name, one more than `limit` when there are more. */
  async findQuotas(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly QuotaPolicy[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findPage(tx, principal.orgId, { ...page, limit: page.limit + 1 }),
    );
  }

  /** Adds a quota.
   *  @throws AppError insufficient_scope — a lead, another team; conflict — the name is taken, or too many policies */
  async setQuota(principal: Principal, input: NewQuota): Promise<QuotaPolicy> {
    requireOwnTeam(principal, teamOf(input.subject, this.#directory()));
    const policy: QuotaPolicy = {
      id: newId(),
      orgId: principal.orgId,
      name: input.name,
      subject: input.subject,
      metric: input.metric,
      limit: input.limit,
      windowSeconds: input.windowSeconds ?? 0,
      burst: input.burst ?? input.limit,
      models: input.models,
      managedBy: 'ui',
      version: 1,
    };
    return this.#change(principal, policy, async (tx) => {
      if ((await this.repository.count(tx, policy.orgId)) >= MAX_POLICIES) {
        throw new AppError('conflict', `An organisation has at most ${String(MAX_POLICIES)} quotas. Remove one first.`);
      }
      await this.repository.insert(tx, policy, this.clock.nowMs());
      return { policy, fields: ['name', 'subject', 'metric', 'limit', 'windowSeconds', 'burst', 'models'] };
    });
  }

  /** Changes a quota; what callers have taken stays taken.
   *  @throws AppError not_found; version_conflict; managed_by_file; invalid_value — a window for CONCURRENCY */
  async updateQuota(
    principal: Principal,
    target: { readonly id: string; readonly version: number },
    patch: QuotaPatch,
  ): Promise<QuotaPolicy> {
    return this.#change(principal, patch, async (tx) => {
      const before = await this.#lock(tx, principal, target);
      if (before.metric === 'CONCURRENCY' && (patch.windowSeconds !== undefined || patch.burst !== undefined)) {
        throw new AppError('invalid_value', 'A CONCURRENCY quota has no windowSeconds and no burst.', {
          param: patch.windowSeconds === undefined ? 'burst' : 'windowSeconds',
        });
      }
      const limit = patch.limit ?? before.limit;
      const followsLimit = before.burst === before.limit;
      const policy: QuotaPolicy = {
        ...before,
        name: patch.name ?? before.name,
        limit,
        windowSeconds: patch.windowSeconds ?? before.windowSeconds,
        burst: patch.burst ?? (followsLimit ? limit : before.burst),
        models: patch.models === undefined ? before.models : patch.models,
        version: before.version + 1,
      };
      await this.repository.update(tx, policy);
      return { policy, fields: Object.keys(patch) };
    });
  }

  /** Takes a quota out of force. @throws AppError not_found; version_conflict; managed_by_file */
  async removeQuota(principal: Principal, target: { readonly id: string; readonly version: number }): Promise<void> {
    await this.#change(principal, {}, async (tx) => {
      const policy = await this.#lock(tx, principal, target);
      await this.repository.remove(tx, policy, this.clock.nowMs());
      return { policy: { ...policy, version: policy.version + 1 }, fields: ['removedAt'] };
    });
  }

  async #lock(
    tx: Tx,
    principal: Principal,
    target: { readonly id: string; readonly version: number },
  ): Promise<QuotaPolicy> {
    const policy = await this.repository.findForChange(tx, principal.orgId, target.id);
    if (policy === undefined) throw new AppError('not_found', 'There is no such quota.');
    requireOwnTeam(principal, teamOf(policy.subject, this.#directory()));
    requireVersion(policy.version, target.version);
    if (policy.managedBy === 'file') {
      throw new AppError('managed_by_file', 'This quota is set by the configuration file. Change it there.');
    }
    return policy;
  }

  async #change(
    principal: Principal,
    named: { readonly name?: string | undefined },
    work: (tx: Tx) => Promise<{ policy: QuotaPolicy; fields: readonly string[] }>,
  ): Promise<QuotaPolicy> {
    try {
      return await this.snapshots.change(async (tx) => {
        const { policy, fields } = await work(tx);
        await this.audit.record(tx, {
          type: 'policy.change',
          principal,
          object: { kind: 'quota', id: policy.id, version: policy.version },
          fields,
        });
        return policy;
      });
    } catch (error) {
      if (!isUniqueViolation(error, 'quota_policy_name')) throw error;
      throw new AppError('conflict', `A quota named ${named.name ?? ''} exists already. Choose another name.`, {
        param: 'name',
        cause: error,
      });
    }
  }

  #directory(): ReturnType<IdentityService['directory']> {
    return this.identity.directory();
  }
}
