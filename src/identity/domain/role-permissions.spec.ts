import { describe, expect, it } from '@jest/globals';

import { PERMISSIONS, ROLES, type Permission, type Role } from '../../platform/security/index.js';
import { permissionsOf, restrictTo, ROLE_RIGHTS, rolesInForce } from './role-permissions.js';

/** The table of the wire contract §6, one line per permission: + always, g by grant, - never.
 *  Columns: analyst, lead, operator, admin, compliance, service. */
const TABLE: Readonly<Record<Permission, string>> = {
  'chat:write': '++++-+',
  'quota:read': '++++-+',
  'usage:read': '++++-+',
  'chat:delegate': '-----+',
  'usage:read:team': '-++++-',
  'budget:read': '-++++-',
  'override:request': '++++--',
  'usage:read:all': '--+++g',
  'report:export': '--+++g',
  'override:approve': '-+-+--',
  'override:emergency': 'gg+---',
  'budget:write': '-+-+--',
  'quota:write': '-+-+--',
  'case:read': '+++++g',
  'case:write': '-+-+-g',
  'provider:write': '--++--',
  'policy:write': '--++--',
  'system:write': '--++--',
  'webhook:write': '--++--',
  'system:read': '--+++-',
  'price:write': '---+--',
  'user:write': '---+--',
  'key:write': '++-+--',
  'audit:read': '----+-',
  'audit:verify': '--+++-',
  'audit:disclose': '----+-',
  'audit:export': '----+-',
  'audit:release': '----+-',
  'audit:receipt': '++---+',
};

const CELLS = PERMISSIONS.flatMap((permission) =>
  ROLES.map((role, column) => ({ permission, role, cell: TABLE[permission][column] ?? '?' })),
);
const OTHER = 'team-2';

function held(role: Role, grants: readonly Permission[] = [], teamId: string | null = null): ReadonlySet<Permission> {
  return permissionsOf([{ role, teamId, grants }], 'team-1');
}

describe('the permission table, cell by cell', () => {
  it.each(CELLS)('$role has $permission: $cell', ({ role, permission, cell }) => {
    expect(held(role).has(permission)).toBe(cell === '+');
    expect(held(role, [permission]).has(permission)).toBe(cell !== '-');
    expect(ROLE_RIGHTS[role].byGrant.includes(permission)).toBe(cell === 'g');
  });
});

describe('permissionsOf', () => {
  it('adds up the roles of one user', () => {
    const both = permissionsOf(
      [
        { role: 'analyst', teamId: null, grants: [] },
        { role: 'compliance', teamId: null, grants: [] },
      ],
      null,
    );
    expect(both.has('chat:write')).toBe(true);
    expect(both.has('audit:export')).toBe(true);
  });

  it('ignores a role bound to a team the user does not belong to', () => {
    expect(held('lead', [], OTHER).size).toBe(0);
    expect(rolesInForce([{ role: 'lead', teamId: OTHER, grants: [] }], 'team-1')).toEqual([]);
    expect(rolesInForce([{ role: 'lead', teamId: 'team-1', grants: [] }], 'team-1')).toEqual(['lead']);
  });
});

describe('restrictTo', () => {
  it('never adds a permission: a scope the user lacks has no effect', () => {
    expect([...restrictTo(held('analyst'), ['chat:write', 'user:write'])]).toEqual(['chat:write']);
  });

  it('leaves everything when the credential has no scopes, and nothing when it names none', () => {
    expect(restrictTo(held('lead'), null)).toEqual(held('lead'));
    expect(restrictTo(held('lead'), []).size).toBe(0);
  });
});
