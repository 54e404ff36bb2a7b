import { Args, Context, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { z } from 'zod';

import { IdentityService } from '../../identity/index.js';
import { Clock } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, parseInput } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import {
  createQuotaInput,
  OverridesService,
  QuotaAdminService,
  type QuotaHolder,
  QuotasService,
  requestOverrideInput,
} from '../../quotas/index.js';
import type { ProblemModel } from './shared.model.js';
import {
  OverrideInput,
  type OverrideModel,
  OverrideResult,
  QuotaModel,
  QuotaResult,
  RateLimitModel,
  RemovedModel,
  RemovedResult,
  SetQuotaInput,
  SubjectInput,
  toOverrideModel,
  toQuotaModel,
  toRateLimitModel,
} from './quota.model.js';
import { orProblem, plainInput, requestIdOf } from './settle-problem.js';
import { pageSize } from './usage.resolver.js';

type GraphqlContext = Parameters<typeof requestIdOf>[0];
const id = z.uuid();

@Resolver()
export class QuotaResolver {
  constructor(
    private readonly admin: QuotaAdminService,
    private readonly overrides: OverridesService,
    private readonly limits: QuotasService,
    private readonly identity: IdentityService,
    private readonly clock: Clock,
  ) {}

  @RequirePermission('quota:read')
  @Query(() => [QuotaModel], { description: 'Quotas of the organisation by name' })
  async quotas(
    @CurrentPrincipal() principal: Principal,
    @Args('first', { type: () => Int, defaultValue: 50 }) first: number,
    @Args('after', { type: () => String, nullable: true }) after?: string,
  ): Promise<QuotaModel[]> {
    const limit = pageSize(first);
    const found = await this.admin.findQuotas(principal, { after: decodeCursor(after), limit });
    return found.slice(0, limit).map(toQuotaModel);
  }

  @RequirePermission('quota:read')
  @Query(() => [RateLimitModel], {
    description: "Where each limit of a caller stands; one's own when no subject is named",
  })
  rateLimits(
    @CurrentPrincipal() principal: Principal,
    @Args('subject', { type: () => SubjectInput, nullable: true }) subject?: SubjectInput | null,
  ): RateLimitModel[] {
    return this.limits.state(this.#holder(principal, subject ?? undefined)).map(toRateLimitModel);
  }

  @RequirePermission('quota:write')
  @Mutation(() => QuotaResult)
  setQuota(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => SetQuotaInput }) input: SetQuotaInput,
    @Context() context: GraphqlContext,
  ): Promise<QuotaModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toQuotaModel(await this.admin.setQuota(principal, parseInput(createQuotaInput, plainInput(input)))),
    );
  }

  @RequirePermission('quota:write')
  @Mutation(() => RemovedResult)
  removeQuota(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) quotaId: string,
    @Args('version', { type: () => Int }) version: number,
    @Context() context: GraphqlContext,
  ): Promise<RemovedModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const target = parseInput(id, quotaId);
      await this.admin.removeQuota(principal, { id: target, version });
      return Object.assign(new RemovedModel(), { id: target });
    });
  }

  @RequirePermission('override:request', 'override:approve')
  @Mutation(() => OverrideResult, { description: 'In force at once when an administrator grants it to somebody else' })
  requestOverride(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => OverrideInput }) input: OverrideInput,
    @Context() context: GraphqlContext,
  ): Promise<OverrideModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const { expiresAt: expiresAtMs, ...rest } = input;
      const parsed = parseInput(
        requestOverrideInput,
        plainInput({ ...rest, expiresAt: new Date(expiresAtMs).toISOString() }),
      );
      const { expiresAt: _text, ...request } = parsed;
      return toOverrideModel(
        await this.overrides.requestOverride(principal, { ...request, expiresAtMs }),
        this.clock.nowMs(),
      );
    });
  }

  @RequirePermission('override:approve')
  @Mutation(() => OverrideResult)
  approveOverride(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) overrideId: string,
    @Context() context: GraphqlContext,
  ): Promise<OverrideModel | ProblemModel> {
    return this.#step(context, () => this.overrides.approveOverride(principal, parseInput(id, overrideId)));
  }

  @RequirePermission('override:approve')
  @Mutation(() => OverrideResult)
  denyOverride(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) overrideId: string,
    @Context() context: GraphqlContext,
  ): Promise<OverrideModel | ProblemModel> {
    return this.#step(context, () => this.overrides.denyOverride(principal, parseInput(id, overrideId)));
  }

  @RequirePermission('override:approve')
  @Mutation(() => OverrideResult)
  revokeOverride(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) overrideId: string,
    @Context() context: GraphqlContext,
  ): Promise<OverrideModel | ProblemModel> {
    return this.#step(context, () => this.overrides.revokeOverride(principal, parseInput(id, overrideId)));
  }

  #step(
    context: GraphqlContext,
    work: () => ReturnType<OverridesService['approveOverride']>,
  ): Promise<OverrideModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => toOverrideModel(await work(), this.clock.nowMs()));
  }

  /** Whose limits: the caller's, or a user of the organisation for those who may see others. */
  #holder(principal: Principal, subject: SubjectInput | undefined): QuotaHolder {
    const own = holderOfCaller(principal);
    if (subject === undefined || subject.id === principal.userId) return own;
    if (!principal.permissions.has('usage:read:all') && !principal.permissions.has('usage:read:team')) {
      throw new AppError(
        'insufficient_scope',
        "Another subject's limits need the permission usage:read:team or usage:read:all.",
      );
    }
    const user = this.identity.directory().user(subject.id ?? '');
    const visible =
      user?.orgId === principal.orgId &&
      (principal.permissions.has('usage:read:all') || user.teamId === principal.teamId);
    if (user === undefined || !visible)
      throw new AppError('not_found', 'There is no such subject, or you may not see it.');
    return {
      orgId: user.orgId,
      userId: user.id,
      teamId: user.teamId,
      keyId: null,
      kind: user.kind === 'service' ? 'service' : 'user',
    };
  }
}

/** The caller as quotas look at callers. */
function holderOfCaller({ orgId, userId, teamId, credential, kind }: Principal): QuotaHolder {
  return { orgId, userId, teamId, keyId: credential.kind === 'virtual_key' ? credential.id : null, kind };
}
