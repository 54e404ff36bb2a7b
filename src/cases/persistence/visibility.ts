import type { Reach } from '../domain/case-access.js';

/** Who looks, and how far their role lets them. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: string;
  readonly teamId: string | null;
  readonly reach: Reach;
}

/** The condition under which a viewer may read the investigation `alias`: the same rule as `mayRead`, for lists. Needs the
 *  parameters of {@link viewerParameters}. */
export function visibleInvestigation(alias: string): string {
  return `${alias}.org_id = :viewerOrg AND CAST(:viewerReach AS text) <> 'none' AND (
    CAST(:viewerReach AS text) = 'organisation'
    OR ${alias}.access = 'organisation'
    OR (${alias}.team_id = :viewerTeam AND (CAST(:viewerReach AS text) = 'team' OR ${alias}.access = 'team'))
    OR EXISTS (SELECT FROM investigation_member
                WHERE investigation_member.investigation_id = ${alias}.id AND investigation_member.user_id = :viewerUser))`;
}

/** Values for {@link visibleInvestigation}. */
export function viewerParameters(viewer: Viewer): Record<string, string | null> {
  return {
    viewerOrg: viewer.orgId,
    viewerUser: viewer.userId,
    viewerTeam: viewer.teamId,
    viewerReach: viewer.reach,
  };
}
