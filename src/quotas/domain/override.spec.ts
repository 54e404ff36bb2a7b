import { describe, expect, it } from '@jest/globals';

import type { Principal } from '../../platform/security/index.js';
import { decideOverride, grantsAtOnce, requireOverridePeriod, stateAt, type Override } from './override.js';

const HOUR = 3_600_000;

function aPrincipal(userId: string, fields: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    credential: { kind: 'virtual_key', id: `key-of-${userId}` },
    orgId: 'o',
    userId,
    teamId: `team-of-${userId}`,
    roles: ['admin'],
    permissions: new Set(['override:approve']),
    entitlements: {
      models: null,
      maxCriticality: 'critical',
      maxTier: 'critical',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
    ...fields,
  };
}

const override: Override = {
  id: 'x',
  orgId: 'o',
  subject: { type: 'USER', id: 'ann' },
  limits: { requests: 10, tokens: 0, concurrency: 0 },
  reason: 'a child is missing since this morning',
  incidentRef: 'INC-1',
  state: 'REQUESTED',
  requestedBy: 'ann',
  requestedAtMs: 0,
  approvedBy: null,
  decidedAtMs: null,
  expiresAtMs: 2 * HOUR,
  version: 1,
};

describe('an override', () => {
  it('is approved, denied and revoked by another person', () => {
    const admin = aPrincipal('bob');
    const active = decideOverride(override, 'approve', { principal: admin, atMs: HOUR });
    expect(active).toMatchObject({ state: 'ACTIVE', approvedBy: 'bob', decidedAtMs: HOUR, version: 2 });
    expect(decideOverride(override, 'deny', { principal: admin, atMs: HOUR }).state).toBe('DENIED');
    expect(decideOverride(active, 'revoke', { principal: admin, atMs: HOUR })).toMatchObject({
      state: 'REVOKED',
      approvedBy: 'bob',
    });
  });

  it('has no approval of one’s own request', () => {
    expect(() => decideOverride(override, 'approve', { principal: aPrincipal('ann'), atMs: HOUR })).toThrow(
      /another person/,
    );
    const byBob = { ...override, requestedBy: 'bob' };
    expect(() => decideOverride(byBob, 'approve', { principal: aPrincipal('bob'), atMs: HOUR })).toThrow(
      /another person/,
    );
  });

  it('has no approval by whom it serves, be it the user, the team or the key', () => {
    const ann = aPrincipal('ann');
    for (const subject of [
      { type: 'USER', id: 'ann' },
      { type: 'TEAM', id: 'team-of-ann' },
      { type: 'KEY', id: 'key-of-ann' },
    ] as const) {
      const asked = { ...override, subject, requestedBy: 'carl' };
      expect(() => decideOverride(asked, 'approve', { principal: ann, atMs: HOUR })).toThrow(/another person/);
      expect(grantsAtOnce(subject, ann)).toBe(false);
    }
  });

  it('is granted at once by an approver who is not its subject', () => {
    expect(grantsAtOnce(override.subject, aPrincipal('bob'))).toBe(true);
    expect(grantsAtOnce(override.subject, aPrincipal('bob', { permissions: new Set() }))).toBe(false);
  });

  it('ends by time alone', () => {
    expect(stateAt({ ...override, state: 'ACTIVE' }, 2 * HOUR - 1)).toBe('ACTIVE');
    expect(stateAt({ ...override, state: 'ACTIVE' }, 2 * HOUR)).toBe('EXPIRED');
    expect(stateAt({ ...override, state: 'DENIED' }, 3 * HOUR)).toBe('DENIED');
    expect(() => decideOverride(override, 'approve', { principal: aPrincipal('bob'), atMs: 2 * HOUR })).toThrow(
      /EXPIRED/,
    );
  });

  it('lives eight hours at most', () => {
    expect(() => {
      requireOverridePeriod(8 * HOUR, 0);
    }).not.toThrow();
    expect(() => {
      requireOverridePeriod(8 * HOUR + 1, 0);
    }).toThrow(/8 hours/);
    expect(() => {
      requireOverridePeriod(0, 0);
    }).toThrow(/future/);
  });
});
