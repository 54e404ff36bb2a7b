import { AppError } from '../../platform/errors/index.js';
import { ROLES, type Permission, type Role } from '../../platform/security/index.js';
import { isPermission } from './role-permissions.js';

/** Seconds two clocks may differ. Source: the wire contract §6. */
export const CLOCK_SKEW_SECONDS = 60;
/** Longest life of an access token in seconds. */
export const MAX_LIFETIME_SECONDS = 3_600;

/** Whose tokens are accepted, and how they are read. */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** `true` for this installation's own tokens: `typ` must be `at+jwt`, and `scope` always restricts. */
  readonly own: boolean;
  /** JSON pointer to the claim with role names; `null`: roles are managed here only. */
  readonly roleClaim: string | null;
  /** Outside role name → ours; names that are no role of ours are ignored. */
  readonly roleMap: Readonly<Record<string, string>>;
}

/** What a token whose signature holds says about its bearer. */
export interface AccessTokenClaims {
  readonly id: string;
  /** User id for own tokens, `iss|sub` for outside ones. */
  readonly subject: string;
  readonly own: boolean;
  readonly roles: readonly Role[];
  readonly scope: readonly Permission[] | null;
  readonly expiresAtMs: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Checks everything about a token but its signature. Attacker-controlled until the signature is known to hold.
 *  @throws AppError invalid_token — which claim is wrong. Source: RFC 9068 §4 */
export function readAccessToken(
  token: { readonly header: Json; readonly payload: Json },
  rules: { readonly nowMs: number; readonly issuers: readonly TrustedIssuer[] },
): AccessTokenClaims {
  const { header, payload } = token;
  const issuer = rules.issuers.find((one) => one.issuer === payload['iss']);
  if (issuer === undefined) throw refused('its issuer is not trusted here');
  checkType(header['typ'], issuer);
  const audience = Array.isArray(payload['aud']) ? (payload['aud'] as unknown[]) : [payload['aud']];
  if (!audience.includes(issuer.audience)) throw refused('it was issued for another audience');
  const subject = text(payload, 'sub');
  const id = text(payload, 'jti');
  if (payload['client_id'] === undefined) text(payload, 'azp');
  const expiresAtMs = checkTimes(payload, rules.nowMs);
  return {
    id,
    subject: issuer.own ? subject : `${issuer.issuer}|${subject}`,
    own: issuer.own,
    roles: rolesFrom(payload, issuer),
    scope: scopeFrom(payload['scope'], issuer.own),
    expiresAtMs,
  };
}

function checkType(type: unknown, issuer: TrustedIssuer): void {
  const name = typeof type === 'string' ? type.toLowerCase().replace(/^application\//, '') : '';
  if (name === 'at+jwt') return;
  if (issuer.own || (name !== '' && name !== 'jwt')) throw refused('its type is not at+jwt');
}

function checkTimes(payload: Json, nowMs: number): number {
  const now = nowMs / 1000;
  const issuedAt = seconds(payload, 'iat');
  const expiresAt = seconds(payload, 'exp');
  if (expiresAt - issuedAt > MAX_LIFETIME_SECONDS || expiresAt <= issuedAt) {
    throw refused(`it must live at most ${String(MAX_LIFETIME_SECONDS)} seconds`);
  }
  if (expiresAt + CLOCK_SKEW_SECONDS <= now) throw refused('it has expired');
  if (issuedAt - CLOCK_SKEW_SECONDS > now) throw refused('it was issued in the future');
  if (payload['nbf'] !== undefined && seconds(payload, 'nbf') - CLOCK_SKEW_SECONDS > now) {
    throw refused('it is not valid yet');
  }
  return (expiresAt + CLOCK_SKEW_SECONDS) * 1000;
}

function scopeFrom(scope: unknown, own: boolean): readonly Permission[] | null {
  if (typeof scope !== 'string') return null;
  const ours = scope.split(' ').filter(isPermission);
  // Outside issuers also list scopes of their own (`openid`): only names of ours restrict.
  return ours.length === 0 && !own ? null : ours;
}

function rolesFrom(payload: Json, issuer: TrustedIssuer): readonly Role[] {
  if (issuer.roleClaim === null) return [];
  const claim = atPointer(payload, issuer.roleClaim);
  const names = (Array.isArray(claim) ? (claim as unknown[]) : [claim]).slice(0, 200);
  const mapped = names.map((name) =>
    typeof name === 'string' && Object.hasOwn(issuer.roleMap, name) ? issuer.roleMap[name] : undefined,
  );
  return ROLES.filter((role) => mapped.includes(role));
}

/** Source: RFC 6901. */
function atPointer(root: unknown, pointer: string): unknown {
  let value = root;
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Json)[key];
  }
  return value;
}

function text(payload: Json, claim: string): string {
  const value = payload[claim];
  if (typeof value !== 'string' || value === '' || value.length > 500) throw refused(`its claim ${claim} is missing`);
  return value;
}

function seconds(payload: Json, claim: string): number {
  const value = payload[claim];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw refused(`its claim ${claim} is missing`);
  return value;
}

function refused(why: string): AppError {
  return new AppError('invalid_token', `The access token was refused: ${why}. Ask for a new one.`);
}
