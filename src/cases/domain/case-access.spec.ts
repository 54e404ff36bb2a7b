import { describe, expect, it } from '@jest/globals';

import type { Permission, Principal, Role } from '../../platform/security/index.js';
import { mayCharge, mayRead, mayWrite } from './case-access.js';
import type { CaseAccess } from './case-entries.js';

function caller(role: Role, permissions: readonly Permission[] = ['case:read', 'case:write']): Principal {
  return {
    kind: role === 'service' ? 'service' : 'user',
    credential: { kind: 'access_token', id: 'token' },
    orgId: 'org-1',
    userId: 'ann',
    teamId: 'team-1',
    roles: [role],
    permissions: new Set(permissions),
    entitlements: {
      models: null,
      maxCriticality: 'critical',
      maxTier: 'critical',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
  };
}

const own = (access: CaseAccess) => ({ orgId: 'org-1', teamId: 'team-1', access, isMember: false });
const other = (access: CaseAccess) => ({ orgId: 'org-1', teamId: 'team-2', access, isMember: false });
const foreign = { orgId: 'org-2', teamId: 'team-1', access: 'organisation' as const, isMember: true };

describe('who may read an investigation', () => {
  it.each([
    ['analyst', own('members'), false],
    ['analyst', { ...own('members'), isMember: true }, true],
    ['analyst', own('team'), true],
    ['analyst', other('team'), false],
    ['analyst', other('organisation'), true],
    ['lead', own('members'), true],
    ['lead', other('members'), false],
    ['lead', { ...other('members'), isMember: true }, true],
    ['operator', other('members'), true],
    ['admin', other('members'), true],
    ['compliance', other('members'), true],
    ['service', other('members'), true],
  ] as const)('%s, case %#', (role, investigation, expected) => {
    expect(mayRead(caller(role), investigation)).toBe(expected);
    expect(mayRead(caller(role, []), investigation)).toBe(false);
    expect(mayRead(caller(role), foreign)).toBe(false);
  });
});

describe('who may change an investigation', () => {
  it.each([
    ['analyst', own('organisation'), false],
    ['lead', own('members'), true],
    ['lead', other('organisation'), false],
    ['operator', own('team'), false],
    ['compliance', own('team'), false],
    ['admin', other('members'), true],
    ['service', other('members'), true],
  ] as const)('%s, case %#', (role, investigation, expected) => {
    expect(mayWrite(caller(role), investigation)).toBe(expected);
    expect(mayWrite(caller(role, ['case:read']), investigation)).toBe(false);
    expect(mayWrite(caller(role), foreign)).toBe(false);
  });
});

describe('who may charge an investigation', () => {
  it('is not asked for case:read: working for a case is not reading its file', () => {
    expect(mayCharge(caller('analyst', []), own('team'))).toBe(true);
    expect(mayCharge(caller('analyst', []), own('members'))).toBe(false);
    expect(mayCharge(caller('service'), foreign)).toBe(false);
  });
});
