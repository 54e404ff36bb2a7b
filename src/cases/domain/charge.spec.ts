import { describe, expect, it } from '@jest/globals';

import type { AppError } from '../../platform/errors/index.js';
import type { Permission, Principal } from '../../platform/security/index.js';
import { CaseBook } from './case-book.js';
import type { CaseAccess, Investigation, Operation } from './case-entries.js';
import { decideCharge, type Charge, type ChargeFacts, type ChargeWishes } from './charge.js';

const ORG = 'org-1';

function aPrincipal(change: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    credential: { kind: 'virtual_key', id: 'key-1' },
    orgId: ORG,
    userId: 'ann',
    teamId: 'team-1',
    roles: ['analyst'],
    permissions: new Set<Permission>(['chat:write']),
    entitlements: {
      models: null,
      maxCriticality: 'critical',
      maxTier: 'premium',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
    ...change,
  };
}

const SERVICE = aPrincipal({
  kind: 'service',
  userId: 'case-system',
  teamId: null,
  roles: ['service'],
  permissions: new Set<Permission>(['chat:write', 'chat:delegate']),
});

function anInvestigation(id: string, access: CaseAccess, change: Partial<Investigation> = {}): Investigation {
  return {
    id,
    orgId: ORG,
    externalRef: `OP-${id}`,
    title: id,
    teamId: 'team-1',
    state: 'open',
    access,
    purposeRequired: false,
    createdBy: null,
    version: 1,
    createdAtMs: 0,
    closedAtMs: null,
    ...change,
  };
}

function anOperation(id: string, investigationId: string | null, change: Partial<Operation> = {}): Operation {
  return {
    id,
    orgId: ORG,
    investigationId,
    externalRef: `X-${id}`,
    title: id,
    state: 'open',
    version: 1,
    createdAtMs: 0,
    ...change,
  };
}

const BOOK = new CaseBook({
  investigations: [
    anInvestigation('members', 'members'),
    anInvestigation('team', 'team'),
    anInvestigation('everyone', 'organisation', { teamId: 'team-2' }),
    anInvestigation('other-team', 'team', { teamId: 'team-2' }),
    anInvestigation('no-team', 'team', { teamId: null }),
    anInvestigation('closed', 'organisation', { state: 'closed', closedAtMs: 1 }),
    anInvestigation('strict', 'organisation', { purposeRequired: true }),
    anInvestigation('foreign', 'organisation', { orgId: 'org-2' }),
  ],
  members: [{ investigationId: 'members', userId: 'bob' }],
  operations: [
    anOperation('wide', null),
    anOperation('narrow', 'team'),
    anOperation('hidden', 'members'),
    anOperation('over', 'team', { state: 'closed' }),
  ],
  purposes: [
    { id: 'p1', orgId: ORG, code: 'triage', label: 'Triage', active: true, version: 1, createdAtMs: 0 },
    { id: 'p2', orgId: ORG, code: 'old', label: 'Old', active: false, version: 1, createdAtMs: 0 },
    { id: 'p3', orgId: 'org-2', code: 'foreign', label: 'Foreign', active: true, version: 1, createdAtMs: 0 },
  ],
});

const PEOPLE = [
  { id: 'ann', orgId: ORG, teamId: 'team-1' },
  { id: 'bob', orgId: ORG, teamId: 'team-1' },
  { id: 'eve', orgId: 'org-2', teamId: 'team-9' },
];

function charge(principal: Principal, wishes: ChargeWishes, rules: Partial<ChargeFacts['organisation']> = {}): Charge {
  return decideCharge(principal, wishes, {
    book: BOOK,
    organisation: { requireInvestigation: false, requirePurpose: false, ...rules },
    beneficiary: PEOPLE.find(({ id }) => id === wishes.onBehalfOf),
  });
}

function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('Not refused');
}

describe('decideCharge', () => {
  it('charges the caller alone when nothing is named', () => {
    expect(charge(aPrincipal(), {})).toMatchObject({
      attribution: {
        orgId: ORG,
        teamId: 'team-1',
        userId: 'ann',
        keyId: 'key-1',
        investigationId: null,
        operationId: null,
      },
      investigation: null,
      operation: null,
      purpose: null,
      justification: null,
      delegateUserId: null,
      evidence: null,
    });
  });

  it('names no key when the credential is an access token', () => {
    const byToken = aPrincipal({ credential: { kind: 'access_token', id: 'token-1' } });
    expect(charge(byToken, {}).attribution.keyId).toBeNull();
  });

  it.each([
    ['the team’s, by id', 'team', 'team'],
    ['the team’s, by external reference', 'OP-team', 'team'],
    ['the organisation’s', 'OP-everyone', 'everyone'],
  ])('charges an investigation that is %s', (_name, investigation, id) => {
    const decided = charge(aPrincipal(), { investigation });
    expect(decided.investigation).toEqual({ id, externalRef: `OP-${id}` });
    expect(decided.attribution.investigationId).toBe(id);
  });

  it('charges a members-only investigation to members, and to services of the organisation', () => {
    expect(charge(aPrincipal({ userId: 'bob' }), { investigation: 'members' }).investigation?.id).toBe('members');
    expect(charge(SERVICE, { investigation: 'members' }).investigation?.id).toBe('members');
  });

  it('gives one and the same refusal for what is unknown, closed, foreign or not the caller’s', () => {
    const names = ['nothing', 'OP-members', 'members', 'other-team', 'no-team', 'closed', 'foreign', 'OP-foreign'];
    const refusals = names.map((investigation) =>
      refusal(() => charge(aPrincipal({ teamId: 'team-1' }), { investigation })),
    );
    expect(new Set(refusals.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
    expect(refusals[0]?.code).toBe('investigation_forbidden');
  });

  it('does not take two missing teams for the same team', () => {
    const work = (): Charge => charge(aPrincipal({ teamId: null }), { investigation: 'no-team' });
    expect(refusal(work).code).toBe('investigation_forbidden');
  });

  it('charges the default investigation of the key, and checks it like any other', () => {
    const withDefault = (id: string): Principal =>
      aPrincipal({ entitlements: { ...aPrincipal().entitlements, defaultInvestigationId: id } });
    expect(charge(withDefault('team'), {}).investigation?.id).toBe('team');
    expect(charge(withDefault('team'), { investigation: 'everyone' }).investigation?.id).toBe('everyone');
    expect(refusal(() => charge(withDefault('closed'), {})).code).toBe('investigation_forbidden');
  });

  it('takes the investigation of a named operation', () => {
    const decided = charge(aPrincipal(), { operation: 'X-narrow' });
    expect(decided.operation).toEqual({ id: 'narrow', externalRef: 'X-narrow' });
    expect(decided.investigation?.id).toBe('team');
    expect(charge(aPrincipal(), { operation: 'wide' }).investigation).toBeNull();
  });

  it.each([
    ['unknown', { operation: 'nothing' }],
    ['closed', { operation: 'over' }],
    ['of an investigation that is not the caller’s', { operation: 'hidden' }],
    ['of another investigation than the named one', { operation: 'narrow', investigation: 'everyone' }],
  ])('refuses an operation that is %s', (_name, wishes) => {
    expect(refusal(() => charge(aPrincipal(), wishes)).code).toBe('investigation_forbidden');
  });

  it('demands an investigation where the organisation does', () => {
    expect(refusal(() => charge(aPrincipal(), {}, { requireInvestigation: true })).code).toBe('investigation_required');
    expect(charge(aPrincipal(), { investigation: 'team' }, { requireInvestigation: true }).investigation?.id).toBe(
      'team',
    );
  });

  it('demands a purpose where the organisation or the investigation does', () => {
    expect(refusal(() => charge(aPrincipal(), {}, { requirePurpose: true })).code).toBe('purpose_required');
    expect(refusal(() => charge(aPrincipal(), { investigation: 'strict' })).code).toBe('purpose_required');
    const decided = charge(aPrincipal(), { investigation: 'strict', purpose: 'triage' });
    expect(decided.purpose).toEqual({ id: 'p1', code: 'triage' });
  });

  it.each(['nothing', 'old', 'foreign', 'Triage'])('refuses the purpose %s', (purpose) => {
    expect(refusal(() => charge(aPrincipal(), { purpose }))).toMatchObject({
      code: 'invalid_value',
      facts: { param: 'AIP-Purpose' },
    });
  });

  it('takes justifications of 8 to 500 characters', () => {
    const justify = (length: number): Charge => charge(aPrincipal(), { justification: ` ${'x'.repeat(length)} ` });
    expect(justify(8).justification).toBe('xxxxxxxx');
    expect(justify(500).justification).toHaveLength(500);
    for (const length of [0, 7, 501]) expect(refusal(() => justify(length)).code).toBe('invalid_value');
  });
});

describe('acting on behalf of someone', () => {
  it('charges that person and keeps who acted', () => {
    const decided = charge(SERVICE, { onBehalfOf: 'bob', investigation: 'members' });
    expect(decided.attribution).toMatchObject({ userId: 'bob', teamId: 'team-1', investigationId: 'members' });
    expect(decided.delegateUserId).toBe('case-system');
    expect(decided.principal).toBe(SERVICE);
  });

  it('needs chat:delegate', () => {
    expect(refusal(() => charge(aPrincipal(), { onBehalfOf: 'bob' }))).toMatchObject({
      code: 'insufficient_scope',
      facts: { headers: { 'www-authenticate': expect.stringContaining('scope="chat:delegate"') as unknown } },
    });
    expect(charge(aPrincipal(), { onBehalfOf: 'ann' }).delegateUserId).toBeNull();
  });

  it.each(['nobody', 'eve'])('refuses %s, who is no active user of the organisation', (onBehalfOf) => {
    expect(refusal(() => charge(SERVICE, { onBehalfOf })).code).toBe('invalid_value');
  });

  it('never reaches what that person may not charge', () => {
    const work = (): Charge => charge(SERVICE, { onBehalfOf: 'ann', investigation: 'members' });
    expect(refusal(work).code).toBe('investigation_forbidden');
  });
});
