import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { AppError } from '../platform/errors/index.js';
import {
  PERMISSION_MARK,
  PUBLIC_MARK,
  requestOf,
  type Authenticated,
  type Permission,
  type Principal,
} from '../platform/security/index.js';
import { IdentityService } from './identity.service.js';

/** A request as Fastify makes it; over a WebSocket only `headers` and perhaps `ip` exist. */
interface GuardedRequest extends Authenticated {
  readonly headers: Record<string, string | undefined>;
  readonly ip?: string;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly logFacts?: { orgId?: string; userId?: string; keyId?: string | null };
}

/** The one global guard, for REST, GraphQL and its sockets. Whatever bears neither `@Public()` nor `@RequirePermission()` is
 *  refused; so is everyone who lacks all permissions it names. Leaves the caller in the request. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly identity: IdentityService,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const anyOf = this.#demandOf(context);
    if (anyOf === 'public') return true;
    const request: GuardedRequest = requestOf(context);
    this.#refuseTokenOutsideHeader(request);
    const caller = this.identity.authenticate(request.headers['authorization'], request.ip);
    if (caller instanceof Promise) return caller.then((principal) => this.#admit(request, principal, anyOf));
    return this.#admit(request, caller, anyOf);
  }

  /** The nearest mark wins: the method's, else its class's. */
  #demandOf(context: ExecutionContext): readonly Permission[] | 'public' {
    for (const target of [context.getHandler(), context.getClass()]) {
      const anyOf = this.reflector.get<readonly Permission[] | undefined>(PERMISSION_MARK, target);
      if (anyOf !== undefined && anyOf.length > 0) return anyOf;
      if (this.reflector.get<boolean | undefined>(PUBLIC_MARK, target) === true) return 'public';
    }
    throw new AppError('insufficient_scope', 'Nobody may use this address: it states no permission.');
  }

  #admit(request: GuardedRequest, principal: Principal, anyOf: readonly Permission[]): boolean {
    if (!anyOf.some((permission) => principal.permissions.has(permission))) {
      throw this.identity.challenges.insufficient(anyOf);
    }
    request.principal = principal;
    if (request.logFacts !== undefined) {
      request.logFacts.orgId = principal.orgId;
      request.logFacts.userId = principal.userId;
      request.logFacts.keyId = principal.credential.kind === 'virtual_key' ? principal.credential.id : null;
    }
    return true;
  }

  /** Tokens in addresses end up in logs. Source: RFC 6750 §2, RFC 9700 §4.3.2. */
  #refuseTokenOutsideHeader(request: GuardedRequest): void {
    if (!bearsToken(request.query) && !bearsToken(request.body)) return;
    throw this.identity.challenges.malformed(
      'Send the token in the Authorization header only, never in address or body.',
    );
  }
}

function bearsToken(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'access_token');
}
