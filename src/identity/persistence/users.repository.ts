import { Injectable } from '@nestjs/common';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { newId } from '../../platform/ids/index.js';
import type { Organisation, Team, User } from '../domain/directory-entries.js';
import type { RoleBinding } from '../domain/role-permissions.js';
import { OrgEntity } from './org.entity.js';
import { RoleBindingEntity } from './role-binding.entity.js';
import { TeamEntity } from './team.entity.js';
import { UserEntity } from './user.entity.js';

/** Marks a new row as part of the demonstration. */
export interface Demo {
  readonly demo: boolean;
}

/** Filters of the list of users. */
export interface UserFilter {
  readonly orgId: string;
  readonly teamId?: string | undefined;
  readonly state?: User['state'] | undefined;
  readonly email?: string | undefined;
}

/** Organisations, teams, users and the roles they hold. */
@Injectable()
export class UsersRepository {
  async insertOrganisation(
    tx: Tx,
    organisation: Organisation & Demo & { readonly createdAtMs: number },
  ): Promise<void> {
    const { createdAtMs, ...columns } = organisation;
    await managerOf(tx).insert(OrgEntity, { ...columns, createdAt: new Date(createdAtMs) });
  }

  async findOrganisation(tx: Tx, id: string): Promise<Organisation | undefined> {
    const row = await managerOf(tx).findOneBy(OrgEntity, { id });
    return row === null ? undefined : organisationFrom(row);
  }

  async findAllOrganisations(tx: Tx): Promise<readonly Organisation[]> {
    const rows = await managerOf(tx).find(OrgEntity, { order: { id: 'ASC' } });
    return rows.map(organisationFrom);
  }

  /** Writes name and rules, provided the row is still at `basis`. Returns whether it was. */
  async updateOrganisation(tx: Tx, organisation: Organisation, basis: number): Promise<boolean> {
    const { id, name, requireInvestigation, requirePurpose, version } = organisation;
    const { affected } = await managerOf(tx).update(
      OrgEntity,
      { id, version: basis },
      { name, requireInvestigation, requirePurpose, version },
    );
    return affected === 1;
  }

  async insertTeam(tx: Tx, team: Team & Demo): Promise<void> {
    const { createdAtMs, ...columns } = team;
    await managerOf(tx).insert(TeamEntity, { ...columns, createdAt: new Date(createdAtMs) });
  }

  async findTeam(tx: Tx, orgId: string, id: string): Promise<Team | undefined> {
    const row = await managerOf(tx).findOneBy(TeamEntity, { id, orgId });
    return row === null ? undefined : teamFrom(row);
  }

  async findAllTeams(tx: Tx): Promise<readonly Team[]> {
    const rows = await managerOf(tx).find(TeamEntity, { order: { id: 'ASC' } });
    return rows.map(teamFrom);
  }

  /** Teams of one organisation in the order of creation. */
  async findTeamsAfter(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Team[]> {
    const query = managerOf(tx).createQueryBuilder(TeamEntity, 'team').where('team.org_id = :orgId', { orgId });
    if (page.after !== undefined) query.andWhere('(team.created_at, team.id) > (:at, :id)', place(page.after));
    const rows = await query.orderBy('team.createdAt').addOrderBy('team.id').limit(page.limit).getMany();
    return rows.map(teamFrom);
  }

  async updateTeam(tx: Tx, team: Team, basis: number): Promise<boolean> {
    const { id, name, version } = team;
    const { affected } = await managerOf(tx).update(TeamEntity, { id, version: basis }, { name, version });
    return affected === 1;
  }

  /** Writes the user and the roles. */
  async insertUser(tx: Tx, user: User & Demo): Promise<void> {
    const { roles, createdAtMs, ...columns } = user;
    await managerOf(tx).insert(UserEntity, { ...columns, createdAt: new Date(createdAtMs) });
    await this.#insertRoles(tx, user, roles);
  }

  /** Writes all changeable members and replaces the roles, provided the row is still at `basis`. Returns whether it was. */
  async updateUser(tx: Tx, user: User, basis: number): Promise<boolean> {
    const { email, displayName, teamId, state, externalSubject, version } = user;
    const { affected } = await managerOf(tx).update(
      UserEntity,
      { id: user.id, version: basis },
      { email, displayName, teamId, state, externalSubject, version },
    );
    if (affected !== 1) return false;
    await managerOf(tx).delete(RoleBindingEntity, { userId: user.id });
    await this.#insertRoles(tx, user, user.roles);
    return true;
  }

  async findUser(tx: Tx, orgId: string, id: string): Promise<User | undefined> {
    const row = await managerOf(tx).findOneBy(UserEntity, { id, orgId });
    if (row === null) return undefined;
    const bindings = await managerOf(tx).find(RoleBindingEntity, { where: { userId: id }, order: { id: 'ASC' } });
    return userFrom(row, bindings.map(bindingFrom));
  }

  /** Every user of every organisation, for the snapshot. Ordered by id. */
  async findAllUsers(tx: Tx): Promise<readonly User[]> {
    const rows = await managerOf(tx).find(UserEntity, { order: { id: 'ASC' } });
    const bindings = await managerOf(tx).find(RoleBindingEntity, { order: { userId: 'ASC', id: 'ASC' } });
    return withRoles(rows, bindings);
  }

  /** Users that match, in the order of creation. */
  async findUsersAfter(
    tx: Tx,
    filter: UserFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly User[]> {
    const query = managerOf(tx)
      .createQueryBuilder(UserEntity, 'app_user')
      .where('app_user.org_id = :orgId', { orgId: filter.orgId });
    if (filter.teamId !== undefined) query.andWhere('app_user.team_id = :teamId', { teamId: filter.teamId });
    if (filter.state !== undefined) query.andWhere('app_user.state = :state', { state: filter.state });
    if (filter.email !== undefined) query.andWhere('app_user.email = :email', { email: filter.email });
    if (page.after !== undefined) query.andWhere('(app_user.created_at, app_user.id) > (:at, :id)', place(page.after));
    const rows = await query.orderBy('app_user.createdAt').addOrderBy('app_user.id').limit(page.limit).getMany();
    const ids = rows.map(({ id }) => id);
    const bindings = await managerOf(tx)
      .createQueryBuilder(RoleBindingEntity, 'binding')
      .where('binding.user_id = ANY(:ids)', { ids })
      .orderBy('binding.id')
      .getMany();
    return withRoles(rows, bindings);
  }

  /** Active administrators beside `exceptId`; the rows stay locked until the transaction ends. */
  async countOtherAdministrators(tx: Tx, orgId: string, exceptId: string): Promise<number> {
    await rowsOf(tx, { text: 'SELECT id FROM org WHERE id = $1 FOR UPDATE' }, [orgId]);
    const [row] = await rowsOf<{ count: string }>(
      tx,
      {
        text: `SELECT count(DISTINCT app_user.id) AS count
                 FROM app_user JOIN role_binding ON role_binding.user_id = app_user.id
                WHERE app_user.org_id = $1 AND app_user.id <> $2 AND app_user.state = 'active'
                  AND role_binding.role = 'admin'
                  AND (role_binding.team_id IS NULL OR role_binding.team_id = app_user.team_id)`,
      },
      [orgId, exceptId],
    );
    return Number(row?.count ?? 0);
  }

  async #insertRoles(
    tx: Tx,
    user: Pick<User, 'id' | 'orgId' | 'createdAtMs'>,
    roles: readonly RoleBinding[],
  ): Promise<void> {
    if (roles.length === 0) return;
    await managerOf(tx).insert(
      RoleBindingEntity,
      roles.map((binding) => ({
        id: newId(),
        orgId: user.orgId,
        userId: user.id,
        role: binding.role,
        teamId: binding.teamId,
        grants: [...binding.grants],
        createdAt: new Date(user.createdAtMs),
      })),
    );
  }
}

function place(after: Keyset): { at: Date; id: string } {
  return { at: new Date(Number(after.key)), id: after.id };
}

function withRoles(rows: readonly UserEntity[], bindings: readonly RoleBindingEntity[]): readonly User[] {
  const byUser = Map.groupBy(bindings, ({ userId }) => userId);
  return rows.map((row) => userFrom(row, (byUser.get(row.id) ?? []).map(bindingFrom)));
}

function organisationFrom(row: OrgEntity): Organisation {
  const { id, name, requireInvestigation, requirePurpose, version } = row;
  return { id, name, requireInvestigation, requirePurpose, version };
}

function teamFrom(row: TeamEntity): Team {
  return { id: row.id, orgId: row.orgId, name: row.name, version: row.version, createdAtMs: row.createdAt.getTime() };
}

function bindingFrom(row: RoleBindingEntity): RoleBinding {
  return { role: row.role, teamId: row.teamId, grants: row.grants };
}

function userFrom(row: UserEntity, roles: readonly RoleBinding[]): User {
  const { id, orgId, kind, email, displayName, teamId, state, externalSubject, version } = row;
  return {
    id,
    orgId,
    kind,
    email,
    displayName,
    teamId,
    state,
    externalSubject,
    roles,
    version,
    createdAtMs: row.createdAt.getTime(),
  };
}
