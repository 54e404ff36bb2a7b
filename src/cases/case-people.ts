import { Injectable } from '@nestjs/common';

import { AppError } from '../platform/errors/index.js';
import { IdentityService } from '../identity/index.js';

/** Checks that people and teams which a case names exist in its organisation. */
@Injectable()
export class CasePeople {
  constructor(private readonly identity: IdentityService) {}

  /** @throws AppError invalid_value */
  requireTeam(orgId: string, teamId: string | null): void {
    if (teamId === null || this.identity.directory().team(teamId)?.orgId === orgId) return;
    throw new AppError('invalid_value', `teamId: your organisation has no team ${teamId}.`, { param: 'teamId' });
  }

  /** @throws AppError invalid_value — one of them is no active user of the organisation */
  requireUsers(orgId: string, userIds: readonly string[]): void {
    const directory = this.identity.directory();
    const unknown = userIds.find((id) => directory.user(id)?.orgId !== orgId);
    if (unknown === undefined) return;
    throw new AppError('invalid_value', `members: your organisation has no active user ${unknown}.`, {
      param: 'members',
    });
  }
}
