import { Injectable } from '@nestjs/common';

import { AuditService } from '../../audit/index.js';
import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import type { Principal } from '../../platform/security/index.js';
import { CostCentreRepository, type CostCentreMember } from '../persistence/cost-centre.repository.js';

/** Which cost centre pays for teams and investigations. An investigation's own comes before its team's. */
@Injectable()
export class CostCentresService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: CostCentreRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** All members, by cost centre. */
  async findAll(principal: Principal): Promise<readonly CostCentreMember[]> {
    return this.unitOfWork.read((tx) => this.repository.findAll(tx, principal.orgId));
  }

  /** Assigns members; statements made from now on follow. */
  async assign(principal: Principal, members: readonly CostCentreMember[]): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      await this.repository.save(tx, principal.orgId, members, { userId: principal.userId, atMs: this.clock.nowMs() });
      for (const { kind, id, costCentre } of members) {
        const object = { kind: `cost-centre:${kind.toLowerCase()}`, id };
        const change = { fields: ['costCentre'], new: { costCentre } };
        await this.audit.record(tx, { type: 'statement.change', principal, object, ...change });
      }
    });
  }
}
