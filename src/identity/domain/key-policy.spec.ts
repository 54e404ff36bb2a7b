import { describe, expect, it } from '@jest/globals';

import type { Permission, Principal, Role } from '../../platform/security/index.js';
import type { User } from './directory-entries.js';
import { decideKeyLimits, isWithinCriticality, isWithinTier, mayManageKeysOf } from './key-policy.js';
import { principalOfToken } from './principal.js';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

function aUser(id: string, role: Role, change: Partial<User> = {}): User {
  return {
    id,
    orgId: 'org-1',
    kind: role === 'service' ? 'service' : 'person',
    email: `${id}@example.org`,
    displayName: id,
    teamId: 'team-1',
    state: 'active',
    externalSubject: null,
    roles: [{ role, teamId: null, grants: [] }],
    version: 1,
    createdAtMs: 0,
    ...change,
  };
}

function signedIn(user: User, scope: readonly Permission[] | null = null): Principal {
  return principalOfToken(user, { id: 'token', roles: [], scope });
}

const ANALYST = aUser('analyst', 'analyst');
const LEAD = aUser('lead', 'lead');
const ADMIN = aUser('admin', 'admin');
const SERVICE = aUser('service', 'service');

describe('mayManageKeysOf', () => {
  it.each([
    ['an analyst: their own', ANALYST, ANALYST, true],
    ['an analyst: a colleague', ANALYST, LEAD, false],
    ['a lead: the team', LEAD, ANALYST, true],
    ['a lead: another team', LEAD, aUser('other', 'analyst', { teamId: 'team-2' }), false],
    ['a lead: someone without a team', LEAD, aUser('other', 'analyst', { teamId: null }), false],
    [
      'a lead without a team: someone without a team',
      aUser('l', 'lead', { teamId: null }),
      aUser('o', 'analyst', { teamId: null }),
      false,
    ],
    ['an administrator: everyone', ADMIN, aUser('other', 'analyst', { teamId: 'team-2' }), true],
    ['an administrator: another organisation', ADMIN, aUser('other', 'analyst', { orgId: 'org-2' }), false],
  ])('%s → %#', (_name, caller, owner, expected) => {
    expect(mayManageKeysOf(signedIn(caller), owner)).toBe(expected);
  });
});

describe('decideKeyLimits', () => {
  it('gives a plain caller key when nothing is asked', () => {
    expect(decideKeyLimits({}, { creator: signedIn(ANALYST), owner: ANALYST }, NOW)).toEqual({
      scopes: ['chat:write', 'quota:read', 'usage:read', 'audit:receipt'],
      expiresAtMs: NOW + 90 * DAY,
      maxCriticality: 'critical',
      maxTier: 'premium',
    });
  });

  it('refuses a scope the owner lacks', () => {
    expect(() =>
      decideKeyLimits({ scopes: ['user:write'] }, { creator: signedIn(ANALYST), owner: ANALYST }, NOW),
    ).toThrow(expect.objectContaining({ code: 'insufficient_scope' }));
  });

  it('refuses a lead who would get an administrator’s rights by a key of theirs', () => {
    expect(() => decideKeyLimits({ scopes: ['user:write'] }, { creator: signedIn(LEAD), owner: ADMIN }, NOW)).toThrow(
      expect.objectContaining({ code: 'insufficient_scope' }),
    );
  });

  it('lets an administrator and the command line give a service what they lack themselves', () => {
    for (const creator of [signedIn(ADMIN), null]) {
      const limits = decideKeyLimits({ scopes: ['chat:delegate', 'chat:write'] }, { creator, owner: SERVICE }, NOW);
      expect(limits.scopes).toEqual(['chat:delegate', 'chat:write']);
    }
  });

  it('refuses a virtual key as creator unless it has user:write', () => {
    const byKey = { ...signedIn(ANALYST), credential: { kind: 'virtual_key' as const, id: 'key' } };
    expect(() => decideKeyLimits({}, { creator: byKey, owner: ANALYST }, NOW)).toThrow('virtual key');
  });

  it('lets a key live 400 days and not a millisecond longer', () => {
    const parties = { creator: signedIn(ANALYST), owner: ANALYST };
    const limits = decideKeyLimits({ expiresAtMs: NOW + 400 * DAY }, parties, NOW);
    expect(limits.expiresAtMs).toBe(NOW + 400 * DAY);
    expect(() => decideKeyLimits({ expiresAtMs: NOW + 400 * DAY + 1 }, parties, NOW)).toThrow('400 days');
    expect(() => decideKeyLimits({ expiresAtMs: NOW }, parties, NOW)).toThrow('future');
  });

  it('caps criticality at what the owner may use, unless an administrator decides', () => {
    const wish = { maxCriticality: 'critical-plus' as const };
    expect(() => decideKeyLimits(wish, { creator: signedIn(ANALYST), owner: ANALYST }, NOW)).toThrow(
      expect.objectContaining({ code: 'criticality_forbidden' }),
    );
    expect(decideKeyLimits(wish, { creator: signedIn(LEAD), owner: LEAD }, NOW).maxCriticality).toBe('critical-plus');
    expect(decideKeyLimits(wish, { creator: null, owner: SERVICE }, NOW).maxCriticality).toBe('critical-plus');
  });
});

describe('order of criticalities and tiers', () => {
  it('knows what lies within a cap', () => {
    expect(isWithinCriticality('sheddable', 'critical')).toBe(true);
    expect(isWithinCriticality('critical', 'critical')).toBe(true);
    expect(isWithinCriticality('critical-plus', 'critical')).toBe(false);
    expect(isWithinTier('economy', 'balanced')).toBe(true);
    expect(isWithinTier('critical', 'premium')).toBe(false);
  });
});
