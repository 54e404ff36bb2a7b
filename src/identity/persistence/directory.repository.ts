import { Injectable } from '@nestjs/common';

import type { Tx } from '../../platform/database/index.js';
import { Directory } from '../directory.js';
import type { VirtualKey } from '../domain/directory-entries.js';
import { KeysRepository } from './keys.repository.js';
import { UsersRepository } from './users.repository.js';

/** Reads the whole directory for a configuration snapshot. */
@Injectable()
export class DirectoryRepository {
  constructor(
    private readonly users: UsersRepository,
    private readonly keys: KeysRepository,
  ) {}

  /** One consistent view. `rows` leaves out names, addresses and what proves a key: they decide nothing. */
  async load(tx: Tx): Promise<{ readonly value: Directory; readonly rows: unknown }> {
    const organisations = await this.users.findAllOrganisations(tx);
    const teams = await this.users.findAllTeams(tx);
    const users = await this.users.findAllUsers(tx);
    const keys = await this.keys.findUnrevoked(tx);
    return {
      value: new Directory({ organisations, teams, users, keys }),
      rows: {
        organisations: organisations.map(({ id, requireInvestigation, requirePurpose }) => [
          id,
          requireInvestigation,
          requirePurpose,
        ]),
        teams: teams.map(({ id, orgId }) => [id, orgId]),
        users: users.map(({ id, orgId, kind, teamId, state, roles }) => [id, orgId, kind, teamId, state, roles]),
        keys: keys.map(rulesOf),
      },
    };
  }
}

function rulesOf(key: VirtualKey): unknown {
  const { id, userId, live, scopes, models, cidrs, maxCriticality, maxTier, defaultInvestigationId, batch } = key;
  const { expiresAtMs } = key;
  return [id, userId, live, scopes, models, cidrs, maxCriticality, maxTier, defaultInvestigationId, batch, expiresAtMs];
}
