import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import { CRITICALITIES, PERMISSIONS, TIERS } from '../../platform/security/index.js';

const uuid = z.uuid().toLowerCase();

/** Body of `POST /api/keys`. */
export const newKeyInput = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    userId: uuid.optional(),
    live: z.boolean().default(true),
    scopes: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length).optional(),
    models: z.array(z.string().min(1).max(200)).min(1).max(200).nullish(),
    cidrs: z.array(z.string().max(50)).min(1).max(50).nullish(),
    expiresAt: z.iso.datetime().optional(),
    maxCriticality: z.enum(CRITICALITIES).optional(),
    maxTier: z.enum(TIERS).optional(),
    defaultInvestigationId: uuid.nullish(),
    batch: z.boolean().default(false),
  })
  .transform(({ expiresAt, ...members }) => ({
    ...members,
    expiresAtMs: expiresAt === undefined ? undefined : Date.parse(expiresAt),
  }))
  .meta({ id: 'NewKey' });

/** Query of `GET /api/keys`. */
export const keyQuery = pageQuery.extend({ userId: uuid.optional() });
