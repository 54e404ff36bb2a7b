import { Injectable } from '@nestjs/common';

import { managerOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { isUuid } from '../../platform/ids/index.js';
import type { Operation, Purpose } from '../domain/case-entries.js';
import { InvestigationEntity } from './investigation.entity.js';
import { OperationEntity } from './operation.entity.js';
import { PurposeEntity } from './purpose.entity.js';
import { viewerParameters, visibleInvestigation, type Viewer } from './visibility.js';

/** Filters of the list of operations. */
export interface OperationFilter {
  readonly state?: Operation['state'] | undefined;
  readonly investigationId?: string | undefined;
}

/** Operations and purposes. */
@Injectable()
export class OperationsRepository {
  async insertOperation(tx: Tx, operation: Operation & { readonly demo: boolean }): Promise<void> {
    const { createdAtMs, ...columns } = operation;
    await managerOf(tx).insert(OperationEntity, { ...columns, createdAt: new Date(createdAtMs) });
  }

  /** By id or external reference. */
  async findOperation(tx: Tx, orgId: string, idOrRef: string): Promise<Operation | undefined> {
    const row = await managerOf(tx).findOneBy(
      OperationEntity,
      isUuid(idOrRef) ? { orgId, id: idOrRef } : { orgId, externalRef: idOrRef },
    );
    return row === null ? undefined : operationFrom(row);
  }

  /** Writes title and state, provided the row is still at `basis`. Returns whether it was. */
  async updateOperation(tx: Tx, operation: Operation, basis: number): Promise<boolean> {
    const { id, title, state, version } = operation;
    const { affected } = await managerOf(tx).update(OperationEntity, { id, version: basis }, { title, state, version });
    return affected === 1;
  }

  /** Every open operation, for the snapshot. Ordered by id. */
  async findOpenOperations(tx: Tx): Promise<readonly Operation[]> {
    const rows = await managerOf(tx).find(OperationEntity, { where: { state: 'open' }, order: { id: 'ASC' } });
    return rows.map(operationFrom);
  }

  /** Operations without an investigation, and those of investigations the viewer may read. In the order of creation. */
  async findVisibleOperationsAfter(
    tx: Tx,
    query: { readonly viewer: Viewer; readonly filter: OperationFilter },
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Operation[]> {
    const { viewer, filter } = query;
    const builder = managerOf(tx)
      .createQueryBuilder(OperationEntity, 'operation')
      .leftJoin(InvestigationEntity, 'investigation', 'investigation.id = operation.investigation_id')
      .where('operation.org_id = :viewerOrg')
      .andWhere(`(operation.investigation_id IS NULL OR (${visibleInvestigation('investigation')}))`)
      .setParameters(viewerParameters(viewer));
    if (filter.state !== undefined) builder.andWhere('operation.state = :state', { state: filter.state });
    if (filter.investigationId !== undefined) {
      builder.andWhere('operation.investigation_id = :investigationId', { investigationId: filter.investigationId });
    }
    if (page.after !== undefined) {
      builder.andWhere('(operation.created_at, operation.id) > (:at, :id)', {
        at: new Date(Number(page.after.key)),
        id: page.after.id,
      });
    }
    const rows = await builder.orderBy('operation.createdAt').addOrderBy('operation.id').limit(page.limit).getMany();
    return rows.map(operationFrom);
  }

  async insertPurpose(tx: Tx, purpose: Purpose & { readonly demo: boolean }): Promise<void> {
    const { createdAtMs, ...columns } = purpose;
    await managerOf(tx).insert(PurposeEntity, { ...columns, createdAt: new Date(createdAtMs) });
  }

  async findPurpose(tx: Tx, orgId: string, id: string): Promise<Purpose | undefined> {
    const row = await managerOf(tx).findOneBy(PurposeEntity, { orgId, id });
    return row === null ? undefined : purposeFrom(row);
  }

  /** All purposes of one organisation, active or not, ordered by code. */
  async findPurposesOf(tx: Tx, orgId: string): Promise<readonly Purpose[]> {
    const rows = await managerOf(tx).find(PurposeEntity, { where: { orgId }, order: { code: 'ASC' } });
    return rows.map(purposeFrom);
  }

  /** Every active purpose, for the snapshot. Ordered by id. */
  async findActivePurposes(tx: Tx): Promise<readonly Purpose[]> {
    const rows = await managerOf(tx).find(PurposeEntity, { where: { active: true }, order: { id: 'ASC' } });
    return rows.map(purposeFrom);
  }

  async updatePurpose(tx: Tx, purpose: Purpose, basis: number): Promise<boolean> {
    const { id, label, active, version } = purpose;
    const { affected } = await managerOf(tx).update(PurposeEntity, { id, version: basis }, { label, active, version });
    return affected === 1;
  }
}

function operationFrom(row: OperationEntity): Operation {
  const { id, orgId, investigationId, externalRef, title, state, version, createdAt } = row;
  return { id, orgId, investigationId, externalRef, title, state, version, createdAtMs: createdAt.getTime() };
}

function purposeFrom({ id, orgId, code, label, active, version, createdAt }: PurposeEntity): Purpose {
  return { id, orgId, code, label, active, version, createdAtMs: createdAt.getTime() };
}
