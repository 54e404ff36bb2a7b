import { formatInstant } from '../../platform/clock/index.js';
import type { Team, User } from '../domain/directory-entries.js';

/** A user as REST shows it. */
export interface UserModel extends Omit<User, 'createdAtMs' | 'orgId'> {
  readonly createdAt: string;
}

/** A team as REST shows it. */
export interface TeamModel {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly createdAt: string;
}

/** Instants become RFC 3339. */
export function toUserModel(user: User): UserModel {
  const { id, kind, email, displayName, teamId, state, externalSubject, roles, version, createdAtMs } = user;
  const createdAt = formatInstant(createdAtMs);
  return { id, kind, email, displayName, teamId, state, externalSubject, roles, version, createdAt };
}

/** Instants become RFC 3339. */
export function toTeamModel({ id, name, version, createdAtMs }: Team): TeamModel {
  return { id, name, version, createdAt: formatInstant(createdAtMs) };
}
