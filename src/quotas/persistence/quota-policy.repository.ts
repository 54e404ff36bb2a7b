import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { QuotaMetric, QuotaPolicy, SubjectType } from '../domain/quota.js';
import { QuotaPolicyEntity } from './quota-policy.entity.js';

/** Upper bound of policies in one installation; the snapshot holds all of them. */
const MAX_LOADED = 20_000;

function fromRow(row: QuotaPolicyEntity): QuotaPolicy {
  return {
    id: row.id,
    orgId: row.orgId,
    name: row.name,
    subject: { type: row.subjectType as SubjectType, id: row.subjectId },
    metric: row.metric as QuotaMetric,
    limit: Number(row.limitUnits),
    windowSeconds: row.windowSeconds,
    burst: Number(row.burst),
    models: row.models,
    managedBy: row.managedBy as QuotaPolicy['managedBy'],
    version: row.version,
  };
}

function toColumns(policy: QuotaPolicy): Omit<QuotaPolicyEntity, 'createdAt' | 'removedAt'> {
  return {
    id: policy.id,
    orgId: policy.orgId,
    name: policy.name,
    subjectType: policy.subject.type,
    subjectId: policy.subject.id,
    metric: policy.metric,
    limitUnits: String(policy.limit),
    windowSeconds: policy.windowSeconds,
    burst: String(policy.burst),
    models: policy.models === null ? null : [...policy.models],
    managedBy: policy.managedBy,
    version: policy.version,
  };
}

/** Quota policies. Removed ones stay as rows and free their name. */
@Injectable()
export class QuotaPolicyRepository {
  /** Every policy in force, of all organisations, by id. */
  async findAll(tx: Tx): Promise<readonly QuotaPolicy[]> {
    const rows = await managerOf(tx).find(QuotaPolicyEntity, {
      where: { removedAt: IsNull() },
      order: { id: 'ASC' },
      take: MAX_LOADED,
    });
    return rows.map(fromRow);
  }

  /** Policies of one organisation after `after`, by name; at most `limit`. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly QuotaPolicy[]> {
    const query = managerOf(tx)
      .createQueryBuilder(QuotaPolicyEntity, 'quota')
      .where('quota.orgId = :orgId AND quota.removedAt IS NULL', { orgId })
      .orderBy('quota.name', 'ASC')
      .limit(page.limit);
    if (page.after !== undefined) query.andWhere('quota.name > :name', { name: page.after.key });
    return (await query.getMany()).map(fromRow);
  }

  /** The policy under a row lock, so that its version cannot change before this transaction ends. */
  async findForChange(tx: Tx, orgId: string, id: string): Promise<QuotaPolicy | undefined> {
    const row = await managerOf(tx).findOne(QuotaPolicyEntity, {
      where: { id, orgId, removedAt: IsNull() },
      lock: { mode: 'pessimistic_write' },
    });
    return row === null ? undefined : fromRow(row);
  }

  /** How many policies an organisation has. */
  async count(tx: Tx, orgId: string): Promise<number> {
    return managerOf(tx).countBy(QuotaPolicyEntity, { orgId, removedAt: IsNull() });
  }

  /** Adds a policy; a second one of the same name violates `quota_policy_name`. */
  async insert(tx: Tx, policy: QuotaPolicy, atMs: number): Promise<void> {
    await managerOf(tx).insert(QuotaPolicyEntity, { ...toColumns(policy), createdAt: new Date(atMs), removedAt: null });
  }

  /** Overwrites a policy with its next version. */
  async update(tx: Tx, policy: QuotaPolicy): Promise<void> {
    await managerOf(tx).update(QuotaPolicyEntity, { id: policy.id, orgId: policy.orgId }, toColumns(policy));
  }

  /** Takes a policy out of force. */
  async remove(tx: Tx, policy: QuotaPolicy, atMs: number): Promise<void> {
    await rowsOf(
      tx,
      { text: 'UPDATE quota_policy SET removed_at = $3, version = version + 1 WHERE id = $1 AND org_id = $2' },
      [policy.id, policy.orgId, new Date(atMs)],
    );
  }
}
