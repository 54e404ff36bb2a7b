/** Everything a route or resolver can demand. Source: the wire contract's table of permissions. */
export const PERMISSIONS = [
  'chat:write',
  'chat:delegate',
  'usage:read',
  'usage:read:team',
  'usage:read:all',
  'quota:read',
  'quota:write',
  'budget:read',
  'budget:write',
  'override:request',
  'override:approve',
  'override:emergency',
  'report:export',
  'case:read',
  'case:write',
  'provider:write',
  'policy:write',
  'system:read',
  'system:write',
  'webhook:write',
  'price:write',
  'user:write',
  'key:write',
  'audit:read',
  'audit:verify',
  'audit:disclose',
  'audit:export',
  'audit:release',
  'audit:receipt',
] as const;

/** A right that a role or a credential's scope grants. */
export type Permission = (typeof PERMISSIONS)[number];

/** The roles a user can be bound to. */
export const ROLES = ['analyst', 'lead', 'operator', 'admin', 'compliance', 'service'] as const;

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];
