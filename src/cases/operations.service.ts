import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { isUniqueViolation, UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { Actor, Slice } from '../identity/index.js';
import { CaseChanges } from './case-changes.js';
import { CaseGate } from './case-gate.js';
import { writeReach } from './domain/case-access.js';
import type { Operation, Purpose } from './domain/case-entries.js';
import { OperationsRepository, type OperationFilter } from './persistence/operations.repository.js';
import { viewerOf } from './viewer.js';

/** What is given for a new operation. */
export interface NewOperation {
  readonly externalRef: string;
  readonly title: string;
  /** Id or external reference; `null`: for the whole organisation. */
  readonly investigation?: string | null | undefined;
  readonly demo?: boolean | undefined;
}

/** Changed members of an operation; absent ones stay. */
export interface OperationPatch {
  readonly title?: string | undefined;
  readonly state?: Operation['state'] | undefined;
}

/** What is given for a new purpose. */
export interface NewPurpose {
  readonly code: string;
  readonly label: string;
  readonly demo?: boolean | undefined;
}

/** Changed members of a purpose; absent ones stay. */
export interface PurposePatch {
  readonly label?: string | undefined;
  readonly active?: boolean | undefined;
}

/** Operations and the purposes an organisation accepts. */
@Injectable()
export class OperationsService {
  constructor(
    private readonly repository: OperationsRepository,
    private readonly gate: CaseGate,
    private readonly changes: CaseChanges,
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError conflict, not_found — no such investigation; insufficient_scope */
  async createOperation(actor: Actor, input: NewOperation): Promise<Operation> {
    return this.#change(async (tx) => {
      const named = input.investigation ?? null;
      const investigation = named === null ? null : await this.gate.writable(tx, actor, named);
      if (investigation === null) requireWholeOrganisation(actor);
      const operation: Operation = {
        id: newId(),
        orgId: actor.orgId,
        investigationId: investigation?.id ?? null,
        externalRef: input.externalRef,
        title: input.title,
        state: 'open',
        version: 1,
        createdAtMs: this.clock.nowMs(),
      };
      await this.repository.insertOperation(tx, { ...operation, demo: input.demo ?? false });
      await this.changes.record(tx, actor, { object: 'operation', investigation, after: operation });
      return operation;
    });
  }

  /** @throws AppError not_found, version_conflict, insufficient_scope */
  async patchOperation(actor: Actor, idOrRef: string, patch: OperationPatch, basis: number): Promise<Operation> {
    return this.#change(async (tx) => {
      const before = await this.#readableOperation(tx, actor, idOrRef);
      const { investigationId } = before;
      const investigation = investigationId === null ? null : await this.gate.writable(tx, actor, investigationId);
      if (investigation === null) requireWholeOrganisation(actor);
      requireVersion(before.version, basis);
      const after: Operation = {
        ...before,
        title: patch.title ?? before.title,
        state: patch.state ?? before.state,
        version: basis + 1,
      };
      raced(await this.repository.updateOperation(tx, after, basis));
      await this.changes.record(tx, actor, { object: 'operation', investigation, before, after });
      return after;
    });
  }

  /** @throws AppError not_found — also: not yours */
  async findOperation(actor: Actor, idOrRef: string): Promise<Operation> {
    return this.unitOfWork.read((tx) => this.#readableOperation(tx, actor, idOrRef));
  }

  /** Operations the caller may read, oldest first; one row more than `limit` when there are more. */
  async listOperations(actor: Actor, filter: OperationFilter, slice: Slice): Promise<readonly Operation[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findVisibleOperationsAfter(
        tx,
        { viewer: viewerOf(actor), filter },
        { ...slice, limit: slice.limit + 1 },
      ),
    );
  }

  /** @throws AppError conflict, insufficient_scope */
  async createPurpose(actor: Actor, input: NewPurpose): Promise<Purpose> {
    requireWholeOrganisation(actor);
    return this.#change(async (tx) => {
      const purpose: Purpose = {
        id: newId(),
        orgId: actor.orgId,
        code: input.code,
        label: input.label,
        active: true,
        version: 1,
        createdAtMs: this.clock.nowMs(),
      };
      await this.repository.insertPurpose(tx, { ...purpose, demo: input.demo ?? false });
      await this.changes.record(tx, actor, { object: 'purpose', investigation: null, after: purpose });
      return purpose;
    });
  }

  /** An inactive purpose can be named no more; records that name it stay. @throws AppError not_found, version_conflict */
  async patchPurpose(actor: Actor, id: string, patch: PurposePatch, basis: number): Promise<Purpose> {
    requireWholeOrganisation(actor);
    return this.#change(async (tx) => {
      const before = await this.repository.findPurpose(tx, actor.orgId, id);
      if (before === undefined) throw new AppError('not_found', 'Your organisation has no such purpose.');
      requireVersion(before.version, basis);
      const after: Purpose = {
        ...before,
        label: patch.label ?? before.label,
        active: patch.active ?? before.active,
        version: basis + 1,
      };
      raced(await this.repository.updatePurpose(tx, after, basis));
      await this.changes.record(tx, actor, { object: 'purpose', investigation: null, before, after });
      return after;
    });
  }

  /** All purposes of the caller's organisation, ordered by code. */
  async listPurposes(actor: Actor): Promise<readonly Purpose[]> {
    return this.unitOfWork.read((tx) => this.repository.findPurposesOf(tx, actor.orgId));
  }

  async #readableOperation(tx: Tx, actor: Actor, idOrRef: string): Promise<Operation> {
    const operation = await this.repository.findOperation(tx, actor.orgId, idOrRef);
    if (operation === undefined) throw new AppError('not_found', 'There is no such operation, or you may not see it.');
    if (operation.investigationId !== null) await this.gate.readable(tx, actor, operation.investigationId);
    return operation;
  }

  async #change<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.snapshots.change(work);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new AppError('conflict', 'That reference or code is already in use. Choose another one.', { cause: error });
    }
  }
}

/** What belongs to no investigation is kept by those who write everywhere. */
function requireWholeOrganisation(actor: Actor): void {
  if (actor.kind === 'system' || writeReach(actor) === 'organisation') return;
  throw new AppError(
    'insufficient_scope',
    'Only an administrator or a granted service may change this for the organisation.',
  );
}

/** The row moved between our read and our write. */
function raced(written: boolean): void {
  if (!written)
    throw new AppError('version_conflict', 'Someone else changed this at the same time. Read it again and repeat.');
}
