import { AppError } from '../../platform/errors/index.js';
import type { Principal } from '../../platform/security/index.js';
import type { QuotaHolder, SubjectType } from './quota.js';
import { subjectIdOf } from './quota.js';

/** Life of an override. */
export type OverrideState = 'REQUESTED' | 'ACTIVE' | 'DENIED' | 'EXPIRED' | 'REVOKED';

/** What an override adds to every matching quota of a metric, per window of that quota. Whole, 0…10¹². */
export interface OverrideLimits {
  readonly requests: number;
  readonly tokens: number;
  readonly concurrency: number;
}

/** A temporary permission to go past quotas and the criticality cap, granted by another person. */
export interface Override {
  readonly id: string;
  readonly orgId: string;
  readonly subject: { readonly type: SubjectType; readonly id: string };
  readonly limits: OverrideLimits;
  /** 20…500 characters. */
  readonly reason: string;
  readonly incidentRef: string;
  readonly state: OverrideState;
  readonly requestedBy: string;
  readonly requestedAtMs: number;
  readonly approvedBy: string | null;
  readonly decidedAtMs: number | null;
  /** At most eight hours after the request. */
  readonly expiresAtMs: number;
  readonly version: number;
}

/** Longest life of an override. Source: the money page, quotas. */
export const MAX_OVERRIDE_MS = 8 * 3_600_000;

/** What a person can do with an override, and the state it leads to. */
export const OVERRIDE_STEPS = { approve: 'ACTIVE', deny: 'DENIED', revoke: 'REVOKED' } as const;

/** One of {@link OVERRIDE_STEPS}. */
export type OverrideStep = keyof typeof OVERRIDE_STEPS;

/** The state as time sees it: what has run out is EXPIRED before any job writes so. */
export function stateAt(override: Override, atMs: number): OverrideState {
  const open = override.state === 'ACTIVE' || override.state === 'REQUESTED';
  return open && override.expiresAtMs <= atMs ? 'EXPIRED' : override.state;
}

/** Whether an override speaks about this caller. */
export function covers(override: Override, holder: QuotaHolder): boolean {
  return override.orgId === holder.orgId && subjectIdOf(override.subject.type, holder) === override.subject.id;
}

/** True when the override would help its decider: their user, their team or the key they came with. */
export function concernsSelf(subject: Override['subject'], principal: Principal): boolean {
  switch (subject.type) {
    case 'USER':
    case 'SERVICE':
      return subject.id === principal.userId;
    case 'TEAM':
      return subject.id === principal.teamId;
    case 'KEY':
      return subject.id === principal.credential.id;
  }
}

/** Whether asking is granting: the asker may approve and gains nothing from it. */
export function grantsAtOnce(subject: Override['subject'], principal: Principal): boolean {
  return principal.permissions.has('override:approve') && !concernsSelf(subject, principal);
}

/** The override after a step, one version later.
 *  @throws AppError four_eyes_required — one's own request or benefit; conflict — the state does not allow the step */
export function decideOverride(
  override: Override,
  step: OverrideStep,
  by: { readonly principal: Principal; readonly atMs: number },
): Override {
  const state = stateAt(override, by.atMs);
  const needed = step === 'revoke' ? 'ACTIVE' : 'REQUESTED';
  if (state !== needed) {
    throw new AppError('conflict', `This override is ${state}; only one that is ${needed} can be changed this way.`);
  }
  const own = override.requestedBy === by.principal.userId || concernsSelf(override.subject, by.principal);
  if (step === 'approve' && own) {
    throw new AppError(
      'four_eyes_required',
      'An override that you asked for or that serves you needs the approval of another person.',
    );
  }
  return {
    ...override,
    state: OVERRIDE_STEPS[step],
    approvedBy: step === 'approve' ? by.principal.userId : override.approvedBy,
    decidedAtMs: by.atMs,
    version: override.version + 1,
  };
}

/** Refuses a period that is over, or longer than allowed. @throws AppError invalid_value */
export function requireOverridePeriod(expiresAtMs: number, atMs: number): void {
  if (expiresAtMs > atMs && expiresAtMs <= atMs + MAX_OVERRIDE_MS) return;
  throw new AppError('invalid_value', 'expiresAt must lie in the future and at most 8 hours ahead.', {
    param: 'expiresAt',
  });
}
