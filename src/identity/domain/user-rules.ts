import { AppError } from '../../platform/errors/index.js';
import type { User } from './directory-entries.js';
import { ROLE_RIGHTS } from './role-permissions.js';

const MAX_BINDINGS = 20;

/** Refuses a user that could not work as meant. @throws AppError invalid_value */
export function checkUser(user: User): void {
  if (user.roles.length > MAX_BINDINGS) throw wrong('roles', `at most ${String(MAX_BINDINGS)} bindings are possible`);
  const names = new Set(user.roles.map(({ role, teamId }) => `${role} ${teamId ?? ''}`));
  if (names.size !== user.roles.length) throw wrong('roles', 'a role is bound twice');
  if (user.kind === 'person' && user.email === null) throw wrong('email', 'a person needs one');
  for (const { role, grants } of user.roles) {
    if ((role === 'service') !== (user.kind === 'service')) {
      throw wrong('roles', 'service users have the role service and nobody else has it');
    }
    const beyond = grants.filter((grant) => !ROLE_RIGHTS[role].byGrant.includes(grant));
    if (beyond.length > 0) throw wrong('roles', `${beyond.join(', ')} cannot be granted to ${role}`);
  }
}

function wrong(field: string, why: string): AppError {
  return new AppError('invalid_value', `${field}: ${why}.`, { param: field });
}
