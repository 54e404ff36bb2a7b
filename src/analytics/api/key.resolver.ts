import { Args, Context, Field, InputType, Mutation, ObjectType, Resolver } from '@nestjs/graphql';
import { z } from 'zod';

import { KeysService, type VirtualKey } from '../../identity/index.js';
import { parseInput } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { Instant } from './scalars.js';
import { orProblem, plainInput, requestIdOf } from './settle-problem.js';
import { resultOf, type ProblemModel } from './shared.model.js';

/** A virtual key; its text exists only in the answer of its creation. */
@ObjectType('VirtualKey')
export class VirtualKeyModel {
  @Field(() => String)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String)
  userId!: string;

  @Field(() => Boolean)
  live!: boolean;

  @Field(() => Instant)
  expiresAt!: number;

  @Field(() => Instant, { nullable: true })
  revokedAt!: number | null;

  @Field(() => String, { nullable: true, description: 'Shown this once' })
  secret!: string | null;
}

@InputType('CreateKeyInput')
export class CreateKeyInput {
  @Field(() => String)
  name!: string;

  @Field(() => String, { nullable: true, description: "The caller's own when absent" })
  userId?: string;

  @Field(() => Boolean, { defaultValue: true, description: 'False: simulated partners only' })
  live!: boolean;

  @Field(() => Boolean, { defaultValue: false })
  batch!: boolean;

  @Field(() => [String], { nullable: true })
  models?: string[];
}

const KeyResult = resultOf('KeyResult', VirtualKeyModel);
const input = z.object({
  name: z.string().trim().min(1).max(200),
  userId: z.uuid().optional(),
  live: z.boolean(),
  batch: z.boolean(),
  models: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
});

function toModel(key: VirtualKey, secret: string | null): VirtualKeyModel {
  return Object.assign(new VirtualKeyModel(), {
    id: key.id,
    name: key.name,
    userId: key.userId,
    live: key.live,
    expiresAt: key.expiresAtMs,
    revokedAt: key.revokedAtMs,
    secret,
  });
}

@Resolver()
export class KeyResolver {
  constructor(private readonly keys: KeysService) {}

  @RequirePermission('key:write')
  @Mutation(() => KeyResult)
  createKey(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => CreateKeyInput }) given: CreateKeyInput,
    @Context() context: Parameters<typeof requestIdOf>[0],
  ): Promise<VirtualKeyModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const created = await this.keys.createKey(principal, parseInput(input, plainInput(given)));
      return toModel(created.key, created.secret);
    });
  }

  @RequirePermission('key:write')
  @Mutation(() => KeyResult)
  revokeKey(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) id: string,
    @Context() context: Parameters<typeof requestIdOf>[0],
  ): Promise<VirtualKeyModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toModel(await this.keys.revokeKey(principal, parseInput(z.uuid(), id)), null),
    );
  }
}
