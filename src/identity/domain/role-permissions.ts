import { PERMISSIONS, type Permission, type Role } from '../../platform/security/index.js';

/** What a role brings: `always`, or only when an administrator grants it to the person (`byGrant`). */
export interface RoleRights {
  readonly always: readonly Permission[];
  readonly byGrant: readonly Permission[];
}

const CALLER: readonly Permission[] = ['chat:write', 'quota:read', 'usage:read'];
const TEAM_VIEW: readonly Permission[] = ['usage:read:team', 'budget:read', 'override:request'];
const OPERATIONS: readonly Permission[] = ['provider:write', 'policy:write', 'system:write', 'webhook:write'];

/** The permission table, one row per role. Source: the wire contract §6. */
export const ROLE_RIGHTS: Readonly<Record<Role, RoleRights>> = {
  analyst: {
    always: [...CALLER, 'override:request', 'case:read', 'key:write', 'audit:receipt'],
    byGrant: ['override:emergency'],
  },
  lead: {
    always: [
      ...CALLER,
      ...TEAM_VIEW,
      'override:approve',
      'budget:write',
      'quota:write',
      'case:read',
      'case:write',
      'key:write',
      'audit:receipt',
    ],
    byGrant: ['override:emergency'],
  },
  operator: {
    always: [
      ...CALLER,
      ...TEAM_VIEW,
      'usage:read:all',
      'report:export',
      'override:emergency',
      'case:read',
      ...OPERATIONS,
      'system:read',
      'audit:verify',
    ],
    byGrant: [],
  },
  admin: {
    always: [
      ...CALLER,
      ...TEAM_VIEW,
      'usage:read:all',
      'report:export',
      'override:approve',
      'budget:write',
      'quota:write',
      'case:read',
      'case:write',
      ...OPERATIONS,
      'system:read',
      'price:write',
      'user:write',
      'key:write',
      'audit:verify',
    ],
    byGrant: [],
  },
  compliance: {
    always: [
      'usage:read:team',
      'budget:read',
      'usage:read:all',
      'report:export',
      'case:read',
      'system:read',
      'audit:read',
      'audit:verify',
      'audit:disclose',
      'audit:export',
      'audit:release',
    ],
    byGrant: [],
  },
  service: {
    always: [...CALLER, 'chat:delegate', 'audit:receipt'],
    byGrant: ['usage:read:all', 'report:export', 'case:read', 'case:write'],
  },
};

/** A role bound to a user. A binding with a team counts only while the user belongs to that team. */
export interface RoleBinding {
  readonly role: Role;
  readonly teamId: string | null;
  /** Rights granted beyond the role's own; those that the role may not be granted have no effect. */
  readonly grants: readonly Permission[];
}

/** The roles in force for a member of `teamId`, without duplicates. */
export function rolesInForce(bindings: readonly RoleBinding[], teamId: string | null): readonly Role[] {
  return [...new Set(inForce(bindings, teamId).map(({ role }) => role))];
}

/** Everything the bindings in force allow: the union over the roles. */
export function permissionsOf(bindings: readonly RoleBinding[], teamId: string | null): ReadonlySet<Permission> {
  const allowed = new Set<Permission>();
  for (const { role, grants } of inForce(bindings, teamId)) {
    const { always, byGrant } = ROLE_RIGHTS[role];
    for (const permission of always) allowed.add(permission);
    for (const permission of grants) if (byGrant.includes(permission)) allowed.add(permission);
  }
  return allowed;
}

/** `permissions` that `scopes` name too; all of them when the credential has no scopes. */
export function restrictTo(
  permissions: ReadonlySet<Permission>,
  scopes: readonly string[] | null,
): ReadonlySet<Permission> {
  if (scopes === null) return permissions;
  const named = new Set(scopes);
  return new Set([...permissions].filter((permission) => named.has(permission)));
}

/** True for one of our permission names. */
export function isPermission(name: string): name is Permission {
  return (PERMISSIONS as readonly string[]).includes(name);
}

function inForce(bindings: readonly RoleBinding[], teamId: string | null): readonly RoleBinding[] {
  return bindings.filter((binding) => binding.teamId === null || binding.teamId === teamId);
}
