import type { Actor } from '../identity/index.js';
import { readReach } from './domain/case-access.js';
import type { Viewer } from './persistence/visibility.js';

/** The caller as lists see them; the machine's operator sees the whole organisation. */
export function viewerOf(actor: Actor): Viewer {
  if (actor.kind === 'system') {
    return { orgId: actor.orgId, userId: '00000000-0000-0000-0000-000000000000', teamId: null, reach: 'organisation' };
  }
  return { orgId: actor.orgId, userId: actor.userId, teamId: actor.teamId, reach: readReach(actor) };
}

/** The user who acts; `null` for the machine's operator. */
export function userIdOf(actor: Actor): string | null {
  return actor.kind === 'system' ? null : actor.userId;
}
