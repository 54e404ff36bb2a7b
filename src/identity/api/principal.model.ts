import type { Principal } from '../../platform/security/index.js';
import type { Directory } from '../directory.js';

/** The caller as `/api/me` shows it. */
export interface PrincipalModel {
  readonly userId: string;
  readonly displayName: string;
  readonly email: string | null;
  readonly kind: 'user' | 'service';
  readonly organisation: { readonly id: string; readonly name: string };
  readonly team: { readonly id: string; readonly name: string } | null;
  readonly credential: Principal['credential'];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly entitlements: Principal['entitlements'];
}

/** Names from the directory, rights from the credential. Permissions are sorted. */
export function toPrincipalModel(principal: Principal, directory: Directory): PrincipalModel {
  const user = directory.user(principal.userId);
  const team = principal.teamId === null ? undefined : directory.team(principal.teamId);
  return {
    userId: principal.userId,
    displayName: user?.displayName ?? '',
    email: user?.email ?? null,
    kind: principal.kind,
    organisation: { id: principal.orgId, name: directory.organisation(principal.orgId)?.name ?? '' },
    team: team === undefined ? null : { id: team.id, name: team.name },
    credential: principal.credential,
    roles: principal.roles,
    permissions: [...principal.permissions].sort(),
    entitlements: principal.entitlements,
  };
}
