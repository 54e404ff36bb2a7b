import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** Which cost centre pays for a team or an investigation. */
export interface CostCentreMember {
  readonly kind: 'INVESTIGATION' | 'TEAM';
  readonly id: string;
  /** Null: none of its own. */
  readonly costCentre: string | null;
}

const MOST = 10_000;

/** Who belongs to which cost centre. */
@Injectable()
export class CostCentreRepository {
  /** Members by cost centre, at most 10 000. */
  async findAll(tx: Tx, orgId: string): Promise<readonly CostCentreMember[]> {
    const rows = await rowsOf<{ kind: 'INVESTIGATION' | 'TEAM'; subject_id: string; cost_centre: string }>(
      tx,
      {
        text: `SELECT kind, subject_id, cost_centre FROM cost_centre_member WHERE org_id = $1 ORDER BY cost_centre, kind, subject_id LIMIT $2`,
      },
      [orgId, MOST],
    );
    return rows.map((row) => ({ kind: row.kind, id: row.subject_id, costCentre: row.cost_centre }));
  }

  /** Sets or removes each member's cost centre. */
  async save(
    tx: Tx,
    orgId: string,
    members: readonly CostCentreMember[],
    by: { readonly userId: string; readonly atMs: number },
  ): Promise<void> {
    for (const { kind, id, costCentre } of members) {
      const [text, values] =
        costCentre === null
          ? [`DELETE FROM cost_centre_member WHERE org_id = $1 AND kind = $2 AND subject_id = $3`, []]
          : [
              `INSERT INTO cost_centre_member (org_id, kind, subject_id, cost_centre, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (org_id, kind, subject_id) DO UPDATE SET cost_centre = $4, set_by = $5, set_at = $6`,
              [costCentre, by.userId, new Date(by.atMs)],
            ];
      await rowsOf(tx, { text }, [orgId, kind, id, ...values]);
    }
  }
}
