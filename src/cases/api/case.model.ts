import { formatInstant } from '../../platform/clock/index.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Document, Investigation, Member, Operation, Purpose } from '../domain/case-entries.js';

/** An investigation as REST shows it. */
export interface InvestigationModel extends Omit<Investigation, 'orgId' | 'createdAtMs' | 'closedAtMs'> {
  readonly createdAt: string;
  readonly closedAt: string | null;
}

/** A member as REST shows it. */
export interface MemberModel {
  readonly userId: string;
  readonly addedBy: string | null;
  readonly addedAt: string;
}

/** An operation as REST shows it. */
export interface OperationModel extends Omit<Operation, 'orgId' | 'createdAtMs'> {
  readonly createdAt: string;
}

/** A purpose as REST shows it. */
export interface PurposeModel extends Omit<Purpose, 'orgId' | 'createdAtMs'> {
  readonly createdAt: string;
}

/** A document as REST shows it. */
export interface DocumentModel extends Omit<Document, 'orgId' | 'createdAtMs'> {
  readonly createdAt: string;
}

/** The place of a row in a list ordered by creation. */
export function byCreation(row: { readonly createdAtMs: number; readonly id: string }): Keyset {
  return { key: String(row.createdAtMs), id: row.id };
}

/** Instants become RFC 3339. */
export function toInvestigationModel(investigation: Investigation): InvestigationModel {
  const { id, externalRef, title, teamId, state, access, purposeRequired, createdBy, version } = investigation;
  const { createdAtMs, closedAtMs } = investigation;
  return {
    id,
    externalRef,
    title,
    teamId,
    state,
    access,
    purposeRequired,
    createdBy,
    version,
    createdAt: formatInstant(createdAtMs),
    closedAt: closedAtMs === null ? null : formatInstant(closedAtMs),
  };
}

/** Instants become RFC 3339. */
export function toMemberModel({ userId, addedBy, addedAtMs }: Member): MemberModel {
  return { userId, addedBy, addedAt: formatInstant(addedAtMs) };
}

/** Instants become RFC 3339. */
export function toOperationModel(operation: Operation): OperationModel {
  const { id, investigationId, externalRef, title, state, version, createdAtMs } = operation;
  return { id, investigationId, externalRef, title, state, version, createdAt: formatInstant(createdAtMs) };
}

/** Instants become RFC 3339. */
export function toPurposeModel({ id, code, label, active, version, createdAtMs }: Purpose): PurposeModel {
  return { id, code, label, active, version, createdAt: formatInstant(createdAtMs) };
}

/** Instants become RFC 3339. */
export function toDocumentModel({ id, sha256, bytes, mediaType, createdBy, createdAtMs }: Document): DocumentModel {
  return { id, sha256, bytes, mediaType, createdBy, createdAt: formatInstant(createdAtMs) };
}
