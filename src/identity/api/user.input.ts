import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import { PERMISSIONS, ROLES } from '../../platform/security/index.js';

const name = z.string().trim().min(1).max(200);
const uuid = z.uuid().toLowerCase();
const email = z.email().max(320);
const subject = z.string().min(3).max(500).includes('|', { error: 'must be "<issuer>|<subject>"' });
const roles = z
  .array(
    z.strictObject({
      role: z.enum(ROLES),
      teamId: uuid.nullable().default(null),
      grants: z.array(z.enum(PERMISSIONS)).max(PERMISSIONS.length).default([]),
    }),
  )
  .max(20);

/** An id in a path. */
export const idPath = z.strictObject({ id: uuid });

/** Body of `POST /api/users`. */
export const newUserInput = z
  .strictObject({
    kind: z.enum(['person', 'service']).default('person'),
    email: email.nullish(),
    displayName: name,
    teamId: uuid.nullish(),
    externalSubject: subject.nullish(),
    roles,
  })
  .meta({ id: 'NewUser' });

/** Body of `PATCH /api/users/{id}`. */
export const userPatchInput = z
  .strictObject({
    email: email.nullable(),
    displayName: name,
    teamId: uuid.nullable(),
    externalSubject: subject.nullable(),
    state: z.enum(['active', 'disabled']),
    roles,
  })
  .partial()
  .meta({ id: 'UserPatch' });

/** Query of `GET /api/users`. */
export const userQuery = pageQuery.extend({
  teamId: uuid.optional(),
  state: z.enum(['active', 'disabled']).optional(),
  email: email.toLowerCase().optional(),
});

/** Body of `POST /api/teams` and `PATCH /api/teams/{id}`. */
export const teamInput = z.strictObject({ name }).meta({ id: 'TeamInput' });

/** Body of `PATCH /api/organisation`. */
export const organisationPatchInput = z
  .strictObject({ name, requireInvestigation: z.boolean(), requirePurpose: z.boolean() })
  .partial()
  .meta({ id: 'OrganisationPatch' });
