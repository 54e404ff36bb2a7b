import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';

const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const uuid = z.uuid().toLowerCase();
const reference = z.string().regex(REFERENCE, 'may hold letters, digits and . _ : -, at most 100 characters');
const newReference = reference.refine((text) => !UUID.test(text), 'may not look like an id');
const title = z.string().trim().min(1).max(300);
const label = z.string().trim().min(1).max(200);
const state = z.enum(['open', 'closed']);
const userIds = z.array(uuid).max(200);
const caseMembers = {
  title: title.optional(),
  teamId: uuid.nullable().optional(),
  access: z.enum(['members', 'team', 'organisation']).optional(),
  purposeRequired: z.boolean().optional(),
};

/** An id or external reference in a path. */
export const casePath = z.strictObject({ id: reference });
/** The reference under which `PUT` makes or changes an investigation. */
export const externalRefPath = z.strictObject({ id: newReference });
/** An investigation and one of its members in a path. */
export const memberPath = z.strictObject({ id: reference, userId: uuid });
/** An investigation and one of its documents in a path. */
export const linkPath = z.strictObject({ id: reference, documentId: uuid });
/** An id in a path. */
export const idPath = z.strictObject({ id: uuid });

/** Body of `PUT /api/investigations/{externalRef}`. */
export const upsertInput = z
  .strictObject({ ...caseMembers, members: userIds.optional() })
  .meta({ id: 'InvestigationUpsert' });
/** Body of `POST /api/investigations`. */
export const newInvestigationInput = z
  .strictObject({ ...caseMembers, externalRef: newReference, title, members: userIds.optional() })
  .meta({ id: 'NewInvestigation' });
/** Body of `PATCH /api/investigations/{id}`. */
export const investigationPatchInput = z.strictObject(caseMembers).meta({ id: 'InvestigationPatch' });
/** Query of `GET /api/investigations`. */
export const investigationQuery = pageQuery.extend({
  state: state.optional(),
  teamId: uuid.optional(),
  memberId: uuid.optional(),
});
/** Body of `POST /api/investigations/{id}/members`. */
export const membersInput = z.strictObject({ userIds: userIds.min(1) }).meta({ id: 'NewMembers' });

/** Body of `POST /api/operations`. */
export const newOperationInput = z
  .strictObject({ externalRef: newReference, title, investigation: reference.nullish() })
  .meta({ id: 'NewOperation' });
/** Body of `PATCH /api/operations/{id}`. */
export const operationPatchInput = z.strictObject({ title, state }).partial().meta({ id: 'OperationPatch' });
/** Query of `GET /api/operations`. */
export const operationQuery = pageQuery.extend({ state: state.optional(), investigationId: uuid.optional() });

/** Body of `POST /api/purposes`. */
export const newPurposeInput = z
  .strictObject({
    code: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'may hold a–z, digits and . _ -, at most 64 characters'),
    label,
  })
  .meta({ id: 'NewPurpose' });
/** Body of `PATCH /api/purposes/{id}`. */
export const purposePatchInput = z.strictObject({ label, active: z.boolean() }).partial().meta({ id: 'PurposePatch' });

/** Query of `POST /api/documents`. */
export const uploadQuery = z.strictObject({ investigation: reference.optional(), label: label.optional() });
/** Query of `GET /api/documents`. */
export const documentQuery = pageQuery.extend({
  investigationId: uuid.optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional(),
});
/** Body of `POST /api/investigations/{id}/documents`. */
export const linkInput = z.strictObject({ documentId: uuid, label: label.optional() }).meta({ id: 'DocumentLink' });
