import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { ModelReferences } from '../providers/index.js';
import { namedIn, type RoutePolicy, type RoutePolicyBody } from './domain/route-policy.js';
import { RoutePolicyRepository } from './persistence/route-policy.repository.js';

/** Creates and activates versions of an organisation's routing policy. A version is never edited. */
@Injectable()
export class RoutingPoliciesService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: RoutePolicyRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    references: ModelReferences,
  ) {
    references.register(async (tx, models) =>
      (await this.repository.findActive(tx)).flatMap((policy) => {
        const places = namedIn(policy.body, new Set(models));
        return places.length === 0 ? [] : [`policy ${policy.name}@${String(policy.version)} (${places.join(', ')})`];
      }),
    );
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPolicies(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly RoutePolicy[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findPage(tx, principal.orgId, { ...page, limit: page.limit + 1 }),
    );
  }

  /** Adds a version; it is not in force before it is activated. */
  async createPolicy(
    principal: Principal,
    input: { readonly name: string; readonly body: RoutePolicyBody },
  ): Promise<RoutePolicy> {
    return this.unitOfWork.run(async (tx) => {
      const policy: RoutePolicy = {
        id: newId(),
        orgId: principal.orgId,
        name: input.name,
        version: await this.repository.nextVersion(tx, principal.orgId),
        active: false,
        body: input.body,
        createdBy: principal.userId,
        createdAtMs: this.clock.nowMs(),
      };
      await this.repository.insert(tx, policy);
      await this.#record(tx, principal, policy, Object.keys(input.body));
      return policy;
    });
  }

  /** Puts a version in force; requests that are planned after this resolves use it.
   *  @throws AppError not_found — no version of this organisation */
  async activatePolicy(principal: Principal, id: string): Promise<RoutePolicy> {
    return this.snapshots.change(async (tx) => {
      const policy = await this.repository.find(tx, principal.orgId, id);
      if (policy === undefined) throw new AppError('not_found', 'There is no such version of the routing policy.');
      await this.repository.activate(tx, principal.orgId, id);
      await this.#record(tx, principal, policy, ['active']);
      return { ...policy, active: true };
    });
  }

  async #record(tx: Tx, principal: Principal, policy: RoutePolicy, fields: readonly string[]): Promise<void> {
    await this.audit.record(tx, {
      type: 'policy.change',
      principal,
      object: { kind: 'routing_policy', id: policy.id, version: policy.version },
      fields,
    });
  }
}
