import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { isUniqueViolation, UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { AccessChanges } from './access-changes.js';
import type { Actor } from './actor.js';
import type { Organisation, Team, User } from './domain/directory-entries.js';
import type { RoleBinding } from './domain/role-permissions.js';
import { rolesInForce } from './domain/role-permissions.js';
import { checkUser } from './domain/user-rules.js';
import { UsersRepository, type UserFilter } from './persistence/users.repository.js';

/** What is given for a new user. */
export interface NewUser {
  readonly kind: User['kind'];
  readonly email?: string | null | undefined;
  readonly displayName: string;
  readonly teamId?: string | null | undefined;
  readonly externalSubject?: string | null | undefined;
  readonly roles: readonly RoleBinding[];
  readonly demo?: boolean | undefined;
}

/** Changed members of a user; absent ones stay. */
export interface UserPatch {
  readonly email?: string | null | undefined;
  readonly displayName?: string | undefined;
  readonly teamId?: string | null | undefined;
  readonly externalSubject?: string | null | undefined;
  readonly state?: User['state'] | undefined;
  readonly roles?: readonly RoleBinding[] | undefined;
}

/** Changed members of an organisation; absent ones stay. */
export interface OrganisationPatch {
  readonly name?: string | undefined;
  readonly requireInvestigation?: boolean | undefined;
  readonly requirePurpose?: boolean | undefined;
}

/** A place and a length in a list. */
export interface Slice {
  readonly after: Keyset | undefined;
  readonly limit: number;
}

/** Organisations, teams and users. Every change is on record and in force on this replica when its method resolves. */
@Injectable()
export class UsersService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly changes: AccessChanges,
    private readonly clock: Clock,
  ) {}

  /** Makes an organisation; only the machine's operator does. */
  async createOrganisation(
    input: Omit<Organisation, 'id' | 'version'> & { readonly demo?: boolean },
  ): Promise<Organisation> {
    const { demo = false, ...rules } = input;
    const organisation: Organisation = { id: newId(), ...rules, version: 1 };
    await this.changes.openLog(organisation.id);
    await this.snapshots.change(async (tx) => {
      await this.repository.insertOrganisation(tx, { ...organisation, demo, createdAtMs: this.clock.nowMs() });
      await this.changes.record(
        tx,
        { kind: 'system', orgId: organisation.id },
        { object: 'organisation', after: organisation },
      );
    });
    return organisation;
  }

  /** The organisation of `orgId`. @throws AppError not_found */
  async findOrganisation(orgId: string): Promise<Organisation> {
    return this.unitOfWork.read(async (tx) => found(await this.repository.findOrganisation(tx, orgId), 'organisation'));
  }

  /** @throws AppError not_found, version_conflict */
  async updateOrganisation(actor: Actor, patch: OrganisationPatch, basis: number): Promise<Organisation> {
    return this.snapshots.change(async (tx) => {
      const before = found(await this.repository.findOrganisation(tx, actor.orgId), 'organisation');
      requireVersion(before.version, basis);
      const after = { ...before, ...given(patch), version: basis + 1 };
      raced(await this.repository.updateOrganisation(tx, after, basis));
      await this.changes.record(tx, actor, { object: 'organisation', before, after });
      return after;
    });
  }

  /** @throws AppError conflict — the name is taken */
  async createTeam(actor: Actor, input: { readonly name: string; readonly demo?: boolean | undefined }): Promise<Team> {
    const team: Team = {
      id: newId(),
      orgId: actor.orgId,
      name: input.name,
      version: 1,
      createdAtMs: this.clock.nowMs(),
    };
    return this.#change(async (tx) => {
      await this.repository.insertTeam(tx, { ...team, demo: input.demo ?? false });
      await this.changes.record(tx, actor, { object: 'team', after: team });
      return team;
    });
  }

  /** @throws AppError not_found, version_conflict, conflict */
  async renameTeam(actor: Actor, id: string, change: { readonly name: string; readonly basis: number }): Promise<Team> {
    return this.#change(async (tx) => {
      const before = found(await this.repository.findTeam(tx, actor.orgId, id), 'team');
      requireVersion(before.version, change.basis);
      const after = { ...before, name: change.name, version: change.basis + 1 };
      raced(await this.repository.updateTeam(tx, after, change.basis));
      await this.changes.record(tx, actor, { object: 'team', before, after });
      return after;
    });
  }

  /** Teams of the caller's organisation, oldest first; one row more than `limit` when there are more. */
  async listTeams(principal: Principal, slice: Slice): Promise<readonly Team[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findTeamsAfter(tx, principal.orgId, { ...slice, limit: slice.limit + 1 }),
    );
  }

  /** @throws AppError invalid_value, conflict */
  async createUser(actor: Actor, input: NewUser): Promise<User> {
    const { demo = false, ...members } = input;
    const user: User = {
      id: newId(),
      orgId: actor.orgId,
      kind: members.kind,
      email: members.email?.toLowerCase() ?? null,
      displayName: members.displayName,
      teamId: members.teamId ?? null,
      state: 'active',
      externalSubject: members.externalSubject ?? null,
      roles: members.roles,
      version: 1,
      createdAtMs: this.clock.nowMs(),
    };
    checkUser(user);
    return this.#change(async (tx) => {
      await this.#requireTeams(tx, user);
      await this.repository.insertUser(tx, { ...user, demo });
      await this.changes.record(tx, actor, { object: 'user', after: user });
      return user;
    });
  }

  /** Changes a user; disabling one ends all their keys and tokens within 5 seconds on every replica.
   *  @throws AppError not_found, version_conflict, invalid_value, conflict — also: the last administrator cannot go */
  async updateUser(actor: Actor, id: string, patch: UserPatch, basis: number): Promise<User> {
    return this.#change(async (tx) => {
      const before = found(await this.repository.findUser(tx, actor.orgId, id), 'user');
      requireVersion(before.version, basis);
      const changed = { ...before, ...given(patch), version: basis + 1 };
      const after: User = { ...changed, email: changed.email?.toLowerCase() ?? null };
      checkUser(after);
      await this.#requireTeams(tx, after);
      await this.#keepAnAdministrator(tx, before, after);
      raced(await this.repository.updateUser(tx, after, basis));
      await this.changes.record(tx, actor, { object: 'user', before, after });
      return after;
    });
  }

  /** Disables a user, whatever version they are at. Disabling twice is no error. */
  async disableUser(actor: Actor, id: string): Promise<User> {
    const user = await this.unitOfWork.read(async (tx) =>
      found(await this.repository.findUser(tx, actor.orgId, id), 'user'),
    );
    return user.state === 'disabled' ? user : this.updateUser(actor, id, { state: 'disabled' }, user.version);
  }

  /** A user the caller may see. @throws AppError not_found — also: not yours */
  async findUser(principal: Principal, id: string): Promise<User> {
    const user = await this.unitOfWork.read((tx) => this.repository.findUser(tx, principal.orgId, id));
    const visible = user !== undefined && (user.id === principal.userId || isInReach(principal, user));
    return found(visible ? user : undefined, 'user');
  }

  /** Users the caller may see, oldest first; one row more than `limit` when there are more. */
  async listUsers(principal: Principal, filter: Omit<UserFilter, 'orgId'>, slice: Slice): Promise<readonly User[]> {
    const teamId = seesAll(principal) ? filter.teamId : (principal.teamId ?? undefined);
    if (!seesAll(principal) && (teamId === undefined || (filter.teamId ?? teamId) !== teamId)) return [];
    return this.unitOfWork.read((tx) =>
      this.repository.findUsersAfter(
        tx,
        { ...filter, teamId, orgId: principal.orgId },
        { ...slice, limit: slice.limit + 1 },
      ),
    );
  }

  async #requireTeams(tx: Tx, user: User): Promise<void> {
    const named = [user.teamId, ...user.roles.map(({ teamId }) => teamId)];
    for (const teamId of new Set(named.filter((id) => id !== null))) {
      if ((await this.repository.findTeam(tx, user.orgId, teamId)) === undefined) {
        throw new AppError('invalid_value', `teamId: your organisation has no team ${teamId}.`, { param: 'teamId' });
      }
    }
  }

  async #keepAnAdministrator(tx: Tx, before: User, after: User): Promise<void> {
    if (!administers(before) || administers(after)) return;
    if ((await this.repository.countOtherAdministrators(tx, before.orgId, before.id)) > 0) return;
    throw new AppError('conflict', 'This is the last active administrator. Make another one first.');
  }

  async #change<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.snapshots.change(work);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new AppError('conflict', 'That name, e-mail address or subject is already in use. Choose another one.', {
        cause: error,
      });
    }
  }
}

function administers(user: User): boolean {
  return user.state === 'active' && rolesInForce(user.roles, user.teamId).includes('admin');
}

function seesAll(principal: Principal): boolean {
  return principal.permissions.has('user:write') || principal.permissions.has('usage:read:all');
}

function isInReach(principal: Principal, user: User): boolean {
  return (
    seesAll(principal) || (principal.roles.includes('lead') && user.teamId !== null && user.teamId === principal.teamId)
  );
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AppError('not_found', `There is no such ${what}, or you may not see it.`);
  return value;
}

/** The row moved between our read and our write. */
function raced(written: boolean): void {
  if (!written)
    throw new AppError('version_conflict', 'Someone else changed this at the same time. Read it again and repeat.');
}

/** The members of a patch that were given; `null` is a value. */
function given<T extends object>(patch: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as never;
}
