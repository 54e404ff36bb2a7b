import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';

import type { Permission } from './permissions.js';
import type { Principal } from './principal.js';

/** Metadata key of {@link RequirePermission}. */
export const PERMISSION_MARK = 'aip:permission';
/** Metadata key of {@link Public}. */
export const PUBLIC_MARK = 'aip:public';

/** The caller must hold at least one of `anyOf`. A route or resolver with neither mark is refused. */
export const RequirePermission = (...anyOf: readonly Permission[]): CustomDecorator =>
  SetMetadata(PERMISSION_MARK, anyOf);

/** Anyone may call, without a credential. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC_MARK, true);

/** Where the guard leaves the caller: a Fastify request, or the `req` of a GraphQL context. */
export interface Authenticated {
  principal?: Principal;
}

/** The request of an HTTP or GraphQL execution context. */
export function requestOf(context: ExecutionContext): Authenticated & { headers: Record<string, string | undefined> } {
  if (context.getType<'http' | 'graphql'>() === 'graphql') {
    return context.getArgByIndex<{ req: Authenticated & { headers: Record<string, string | undefined> } }>(2).req;
  }
  return context.switchToHttp().getRequest();
}

/** Injects the caller that the guard established. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = requestOf(context);
  if (principal === undefined) throw new Error('CurrentPrincipal on a route without @RequirePermission');
  return principal;
});
