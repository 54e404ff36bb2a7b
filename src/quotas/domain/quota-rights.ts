import { AppError } from '../../platform/errors/index.js';
import type { Principal } from '../../platform/security/index.js';

/** Refuses a subject outside of what the principal administers: an administrator everything, a lead the own team.
 *  `teamId` is the subject's team; null when it has none or stands for everybody.
 *  @throws AppError insufficient_scope */
export function requireOwnTeam(principal: Principal, teamId: string | null): void {
  if (principal.roles.includes('admin')) return;
  if (teamId !== null && teamId === principal.teamId) return;
  throw new AppError('insufficient_scope', 'You may change limits of your own team only. Ask an administrator.');
}

/** Whether a principal sees limits of everybody, not only its own. */
export function seesAll(principal: Principal): boolean {
  const { permissions } = principal;
  return permissions.has('quota:write') || permissions.has('override:approve') || permissions.has('usage:read:all');
}
