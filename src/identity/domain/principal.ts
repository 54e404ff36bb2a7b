import type { Criticality, Entitlements, Permission, Principal, Role } from '../../platform/security/index.js';
import type { User, VirtualKey } from './directory-entries.js';
import { permissionsOf, restrictTo, rolesInForce, type RoleBinding } from './role-permissions.js';

const URGENT_ROLES: readonly Role[] = ['lead', 'operator', 'admin'];

/** The highest criticality a holder of `roles` may use or give to a key. */
export function criticalityCeiling(roles: readonly Role[]): Criticality {
  return roles.some((role) => URGENT_ROLES.includes(role)) ? 'critical-plus' : 'critical';
}

/** The caller behind a virtual key: its user's rights, cut to what the key allows. */
export function principalOfKey(key: VirtualKey, user: User): Principal {
  return assemble(user, {
    bindings: user.roles,
    credential: { kind: 'virtual_key', id: key.id },
    scopes: key.scopes,
    entitlements: {
      models: key.models,
      maxCriticality: key.maxCriticality,
      maxTier: key.maxTier,
      defaultInvestigationId: key.defaultInvestigationId,
      simulated: !key.live,
      batch: key.batch,
    },
  });
}

/** The caller behind an access token: managed roles and those its issuer vouches for, cut to its scope. */
export function principalOfToken(
  user: User,
  token: { readonly id: string; readonly roles: readonly Role[]; readonly scope: readonly Permission[] | null },
): Principal {
  const vouched = token.roles.map((role): RoleBinding => ({ role, teamId: null, grants: [] }));
  const bindings = [...user.roles, ...vouched];
  return assemble(user, {
    bindings,
    credential: { kind: 'access_token', id: token.id },
    scopes: token.scope,
    entitlements: {
      models: null,
      maxCriticality: criticalityCeiling(rolesInForce(bindings, user.teamId)),
      maxTier: 'critical',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
  });
}

function assemble(
  user: User,
  proof: {
    readonly bindings: readonly RoleBinding[];
    readonly credential: Principal['credential'];
    readonly scopes: readonly string[] | null;
    readonly entitlements: Entitlements;
  },
): Principal {
  return Object.freeze({
    kind: user.kind === 'service' ? 'service' : 'user',
    credential: Object.freeze(proof.credential),
    orgId: user.orgId,
    userId: user.id,
    teamId: user.teamId,
    roles: Object.freeze(rolesInForce(proof.bindings, user.teamId)),
    permissions: restrictTo(permissionsOf(proof.bindings, user.teamId), proof.scopes),
    entitlements: Object.freeze(proof.entitlements),
  });
}
