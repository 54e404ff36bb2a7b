import type { Principal, Role } from '../../platform/security/index.js';
import type { Investigation } from './case-entries.js';

/** How far a caller's sight or pen reaches. */
export type Reach = 'organisation' | 'team' | 'assigned' | 'none';

const SEES_ALL: readonly Role[] = ['operator', 'admin', 'compliance', 'service'];
const WRITES_ALL: readonly Role[] = ['admin', 'service'];

/** Which investigations the caller may read. Source: the wire contract §6, `case:read`. */
export function readReach(principal: Principal): Reach {
  if (!principal.permissions.has('case:read')) return 'none';
  if (principal.roles.some((role) => SEES_ALL.includes(role))) return 'organisation';
  return principal.roles.includes('lead') ? 'team' : 'assigned';
}

/** Which investigations the caller may change. Source: the wire contract §6, `case:write`. */
export function writeReach(principal: Principal): Exclude<Reach, 'assigned'> {
  if (!principal.permissions.has('case:write')) return 'none';
  if (principal.roles.some((role) => WRITES_ALL.includes(role))) return 'organisation';
  return principal.roles.includes('lead') ? 'team' : 'none';
}

/** Whom a charge or a reading is for. */
export interface Person {
  readonly orgId: string;
  readonly userId: string;
  readonly teamId: string | null;
  readonly kind: 'user' | 'service';
}

type Shared = Pick<Investigation, 'orgId' | 'teamId' | 'access'>;

/** Whether work may be done for an investigation in this person's name: members, the team or the organisation as it is shared,
 *  and the organisation's own services. */
export function mayCharge(person: Person, investigation: Shared & { readonly isMember: boolean }): boolean {
  if (investigation.orgId !== person.orgId) return false;
  if (person.kind === 'service' || investigation.isMember || investigation.access === 'organisation') return true;
  return investigation.access === 'team' && investigation.teamId !== null && investigation.teamId === person.teamId;
}

/** Whether the caller may read an investigation. */
export function mayRead(principal: Principal, investigation: Shared & { readonly isMember: boolean }): boolean {
  if (investigation.orgId !== principal.orgId) return false;
  switch (readReach(principal)) {
    case 'organisation':
      return true;
    case 'team':
      return isOwnTeam(principal, investigation) || isAssigned(principal, investigation);
    case 'assigned':
      return isAssigned(principal, investigation);
    case 'none':
      return false;
  }
}

/** Whether the caller may change an investigation. */
export function mayWrite(principal: Principal, investigation: Shared): boolean {
  if (investigation.orgId !== principal.orgId) return false;
  const reach = writeReach(principal);
  return reach === 'organisation' || (reach === 'team' && isOwnTeam(principal, investigation));
}

function isOwnTeam(principal: Principal, investigation: Shared): boolean {
  return investigation.teamId !== null && investigation.teamId === principal.teamId;
}

function isAssigned(principal: Principal, investigation: Shared & { readonly isMember: boolean }): boolean {
  return mayCharge({ ...principal, kind: 'user' }, investigation);
}
