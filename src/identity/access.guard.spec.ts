import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';

import { AppError } from '../platform/errors/index.js';
import { Public, RequirePermission, type Permission, type Principal } from '../platform/security/index.js';
import { AccessGuard } from './access.guard.js';
import { Challenges } from './bearer.js';
import type { IdentityService } from './identity.service.js';

@Public()
class OpenByDefault {
  open(): void {
    // Only its mark matters.
  }
  @RequirePermission('chat:write', 'user:write')
  closed(): void {
    // Only its mark matters.
  }
}

@RequirePermission('user:write')
class ClosedByDefault {
  closed(): void {
    // Only its mark matters.
  }
  @Public()
  open(): void {
    // Only its mark matters.
  }
}

class Unmarked {
  anything(): void {
    // Only its mark matters.
  }
}

function aPrincipal(...permissions: readonly Permission[]): Principal {
  return {
    kind: 'user',
    credential: { kind: 'virtual_key', id: 'key-1' },
    orgId: 'org',
    userId: 'ann',
    teamId: null,
    roles: [],
    permissions: new Set(permissions),
    entitlements: {
      models: null,
      maxCriticality: 'critical',
      maxTier: 'premium',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
  };
}

/** Knows one caller, at once or as a promise. */
class FakeIdentity {
  readonly challenges = new Challenges('http://127.0.0.1:4100');
  readonly seen: (string | undefined)[] = [];
  constructor(private readonly answer: () => Principal | Promise<Principal>) {}
  authenticate(authorization: string | undefined): Principal | Promise<Principal> {
    this.seen.push(authorization);
    if (authorization === undefined) throw this.challenges.missing();
    return this.answer();
  }
}

function contextOf(
  type: 'http' | 'graphql',
  target: () => void,
  owner: new () => object,
  request: object,
): ExecutionContext {
  return {
    getType: () => type,
    getHandler: () => target,
    getClass: () => owner,
    getArgByIndex: () => ({ req: request }),
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
}

const guardOf = (identity: FakeIdentity): AccessGuard =>
  new AccessGuard(new Reflector(), identity as unknown as IdentityService);
const methodOf = <T extends object>(owner: new () => T, name: keyof T): (() => void) =>
  (owner.prototype as T)[name] as () => void;
const BEARER = { authorization: 'Bearer x' };

describe('AccessGuard', () => {
  const caller = new FakeIdentity(() => aPrincipal('chat:write'));

  it('refuses by default what bears no mark', () => {
    const context = contextOf('http', methodOf(Unmarked, 'anything'), Unmarked, { headers: BEARER });
    expect(() => guardOf(caller).canActivate(context)).toThrow(AppError);
  });

  it('lets the mark of a method win over the mark of its class, in both directions', () => {
    const nobody = { headers: {} };
    const at = (owner: typeof OpenByDefault | typeof ClosedByDefault, name: 'open' | 'closed') =>
      guardOf(caller).canActivate(contextOf('http', methodOf(owner, name), owner, nobody));
    expect(at(OpenByDefault, 'open')).toBe(true);
    expect(at(ClosedByDefault, 'open')).toBe(true);
    for (const owner of [OpenByDefault, ClosedByDefault]) {
      expect(() => at(owner, 'closed')).toThrow(expect.objectContaining({ code: 'missing_credentials' }));
    }
  });

  it('wants any of the permissions of a mark', () => {
    const request = { headers: BEARER, principal: undefined as Principal | undefined, logFacts: {} };
    const any = contextOf('http', methodOf(OpenByDefault, 'closed'), OpenByDefault, request);
    expect(guardOf(caller).canActivate(any)).toBe(true);
    expect(request.principal?.userId).toBe('ann');
    expect(request.logFacts).toEqual({ orgId: 'org', userId: 'ann', keyId: 'key-1' });
    const all = contextOf('http', methodOf(ClosedByDefault, 'closed'), ClosedByDefault, { headers: BEARER });
    expect(() => guardOf(caller).canActivate(all)).toThrow(expect.objectContaining({ code: 'insufficient_scope' }));
  });

  it('works on the request of a GraphQL context, over HTTP and over a WebSocket', async () => {
    const later = new FakeIdentity(() => Promise.resolve(aPrincipal('chat:write')));
    const socket: { headers: object; principal?: Principal } = { headers: BEARER };
    const context = contextOf('graphql', methodOf(OpenByDefault, 'closed'), OpenByDefault, socket);
    expect(await guardOf(later).canActivate(context)).toBe(true);
    expect(socket.principal?.userId).toBe('ann');
  });

  it('asks again for each operation of a socket: what was revoked meanwhile is gone', () => {
    const once = new FakeIdentity(() => aPrincipal('chat:write'));
    const context = contextOf('graphql', methodOf(OpenByDefault, 'closed'), OpenByDefault, { headers: BEARER });
    void guardOf(once).canActivate(context);
    void guardOf(once).canActivate(context);
    expect(once.seen).toHaveLength(2);
  });
});
