import { AppError } from '../../platform/errors/index.js';
import {
  CRITICALITIES,
  TIERS,
  type Criticality,
  type Permission,
  type Principal,
  type Tier,
} from '../../platform/security/index.js';
import type { User } from './directory-entries.js';
import { criticalityCeiling } from './principal.js';
import { permissionsOf, rolesInForce } from './role-permissions.js';

/** Longest life of a key in days. */
export const MAX_KEY_DAYS = 400;
const DAY_MS = 86_400_000;
const DEFAULT_SCOPES: readonly Permission[] = ['chat:write', 'quota:read', 'usage:read', 'audit:receipt'];

/** What is asked of a new key. Absent members take the narrowest useful value. */
export interface KeyRequest {
  readonly scopes?: readonly Permission[] | undefined;
  readonly expiresAtMs?: number | undefined;
  readonly maxCriticality?: Criticality | undefined;
  readonly maxTier?: Tier | undefined;
}

/** The limits a new key gets. */
export interface KeyLimits {
  readonly scopes: readonly Permission[];
  readonly expiresAtMs: number;
  readonly maxCriticality: Criticality;
  readonly maxTier: Tier;
}

/** Whether `principal` may list, create and revoke keys of `owner`: their own, as lead those of the team, as administrator all.
 *  Users of another organisation are never in reach. */
export function mayManageKeysOf(principal: Principal, owner: Pick<User, 'id' | 'orgId' | 'teamId'>): boolean {
  if (owner.orgId !== principal.orgId) return false;
  if (principal.permissions.has('user:write') || owner.id === principal.userId) return true;
  return principal.roles.includes('lead') && owner.teamId !== null && owner.teamId === principal.teamId;
}

/** The limits of a key that `creator` (`null`: the operator at the command line) asks for `owner`. A key never has a right
 *  that its owner lacks, and nobody but an administrator passes on a right they do not hold themselves.
 *  @throws AppError invalid_value, insufficient_scope, criticality_forbidden */
export function decideKeyLimits(
  request: KeyRequest,
  parties: { readonly creator: Principal | null; readonly owner: User },
  nowMs: number,
): KeyLimits {
  const { creator, owner } = parties;
  requireSignedIn(creator);
  const administers = creator === null || creator.permissions.has('user:write');
  const held = permissionsOf(owner.roles, owner.teamId);
  const allowed = administers ? held : new Set([...held].filter((one) => creator.permissions.has(one)));
  const scopes = request.scopes ?? DEFAULT_SCOPES.filter((scope) => allowed.has(scope));
  const beyond = scopes.filter((scope) => !allowed.has(scope));
  if (beyond.length > 0) {
    throw new AppError(
      'insufficient_scope',
      `This key cannot have ${beyond.join(', ')}: its owner or you lack that right.`,
      {
        param: 'scopes',
      },
    );
  }
  if (scopes.length === 0) {
    throw new AppError('invalid_value', 'scopes: a key needs at least one scope, and its owner holds none.', {
      param: 'scopes',
    });
  }
  return {
    scopes: [...new Set(scopes)],
    expiresAtMs: expiryOf(request.expiresAtMs, nowMs),
    maxCriticality: criticalityOf(request.maxCriticality, owner, administers),
    maxTier: request.maxTier ?? 'premium',
  };
}

/** True when `wanted` is not more important than `cap`. */
export function isWithinCriticality(wanted: Criticality, cap: Criticality): boolean {
  return CRITICALITIES.indexOf(wanted) >= CRITICALITIES.indexOf(cap);
}

/** True when `wanted` is not above `cap`. */
export function isWithinTier(wanted: Tier, cap: Tier): boolean {
  return TIERS.indexOf(wanted) <= TIERS.indexOf(cap);
}

/** A key that could make keys would outlive its own revocation and shed its own limits. */
function requireSignedIn(creator: Principal | null): void {
  if (creator?.credential.kind === 'virtual_key' && !creator.permissions.has('user:write')) {
    throw new AppError(
      'insufficient_scope',
      'A virtual key cannot create keys unless it has user:write. Sign in with an access token instead.',
    );
  }
}

function expiryOf(wanted: number | undefined, nowMs: number): number {
  const latest = nowMs + MAX_KEY_DAYS * DAY_MS;
  if (wanted === undefined) return nowMs + 90 * DAY_MS;
  if (wanted <= nowMs || wanted > latest) {
    throw new AppError('invalid_value', `expiresAt: must lie in the future and within ${String(MAX_KEY_DAYS)} days.`, {
      param: 'expiresAt',
    });
  }
  return wanted;
}

function criticalityOf(wanted: Criticality | undefined, owner: User, administers: boolean): Criticality {
  const cap = administers ? 'critical-plus' : criticalityCeiling(rolesInForce(owner.roles, owner.teamId));
  const chosen = wanted ?? 'critical';
  if (isWithinCriticality(chosen, cap)) return chosen;
  throw new AppError(
    'criticality_forbidden',
    `maxCriticality: ${chosen} is above ${cap}, the most its owner may use.`,
    {
      param: 'maxCriticality',
    },
  );
}
