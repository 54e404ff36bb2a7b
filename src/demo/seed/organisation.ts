import { Injectable } from '@nestjs/common';

import { InvestigationsService, OperationsService } from '../../cases/index.js';
import { KeysService, UsersService, type Actor } from '../../identity/index.js';
import { DEMO_CASES, DEMO_ORGANISATION, DEMO_PEOPLE, DEMO_PURPOSES, DEMO_TEAMS } from './people.js';

const CASE_SYSTEM_SCOPES = [
  'chat:write',
  'chat:delegate',
  'quota:read',
  'usage:read',
  'audit:receipt',
  'case:read',
  'case:write',
] as const;

/** What the rest of the demo needs of the people. */
export interface SeededOrganisation {
  readonly orgId: string;
  /** User ids by e-mail. */
  readonly users: ReadonlyMap<string, string>;
  /** Case system's user. */
  readonly serviceId: string;
  /** The case system's key; shown in `demo.env` only. */
  readonly serviceKey: string;
}

/** Makes the demo's organisation, people, cases and the key of its case system. */
@Injectable()
export class OrganisationSeed {
  constructor(
    private readonly people: UsersService,
    private readonly keys: KeysService,
    private readonly investigations: InvestigationsService,
    private readonly operations: OperationsService,
  ) {}

  async run(): Promise<SeededOrganisation> {
    const { id: orgId } = await this.people.createOrganisation({
      name: DEMO_ORGANISATION,
      requireInvestigation: false,
      requirePurpose: false,
      demo: true,
    });
    const actor: Actor = { kind: 'system', orgId };
    const teams = new Map<string, string>();
    for (const name of DEMO_TEAMS) teams.set(name, (await this.people.createTeam(actor, { name, demo: true })).id);
    const users = new Map<string, string>();
    for (const { email, name, team, role } of DEMO_PEOPLE) {
      const user = await this.people.createUser(actor, {
        kind: 'person',
        email,
        displayName: name,
        teamId: teams.get(team) ?? null,
        roles: [{ role, teamId: null, grants: [] }],
        demo: true,
      });
      users.set(email, user.id);
    }
    const service = await this.people.createUser(actor, {
      kind: 'service',
      displayName: 'Case system',
      roles: [{ role: 'service', teamId: null, grants: ['case:read', 'case:write'] }],
      demo: true,
    });
    await this.#cases(actor, teams);
    return { orgId, users, serviceId: service.id, serviceKey: await this.newKey(actor, service.id) };
  }

  /** A key of the case system for simulated partners. */
  async newKey(actor: Actor, userId: string): Promise<string> {
    const { secret } = await this.keys.createKey(actor, {
      name: 'Demo case system',
      userId,
      live: false,
      scopes: CASE_SYSTEM_SCOPES,
      demo: true,
    });
    return secret;
  }

  async #cases(actor: Actor, teams: ReadonlyMap<string, string>): Promise<void> {
    for (const { ref, title, team } of DEMO_CASES) {
      await this.investigations.create(actor, ref, {
        title,
        teamId: teams.get(team) ?? null,
        access: 'organisation',
        demo: true,
      });
      await this.operations.createOperation(actor, {
        externalRef: `${ref}-1`,
        title: 'First evaluation',
        investigation: ref,
        demo: true,
      });
    }
    for (const { code, label } of DEMO_PURPOSES)
      await this.operations.createPurpose(actor, { code, label, demo: true });
  }
}
