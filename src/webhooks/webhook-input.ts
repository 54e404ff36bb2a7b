import { z } from 'zod';

import { pageQuery } from '../platform/http/index.js';
import { EVENT_TYPES } from '../platform/outbox/index.js';
import { MESSAGE_FORMATS, SIGNATURE_SCHEMES } from './domain/webhook.js';

const MAX_OVERLAP_SECONDS = 7 * 86_400;
const url = z.string().min(1).max(500);
const description = z.string().trim().max(200);
const eventTypes = z.array(z.enum(EVENT_TYPES)).max(EVENT_TYPES.length);
const signatures = z.array(z.enum(SIGNATURE_SCHEMES)).min(1).max(SIGNATURE_SCHEMES.length);
const format = z.enum(MESSAGE_FORMATS);
const uuid = z.uuid();

/** An endpoint in a path. */
export const webhookPath = z.strictObject({ id: uuid });
/** A delivery in a path. */
export const deliveryPath = z.strictObject({ id: uuid, deliveryId: uuid });

/** Body of `POST /api/webhooks`. No event types: all of them. */
export const newWebhookInput = z
  .strictObject({
    url,
    description: description.default(''),
    eventTypes: eventTypes.default([]),
    format: format.default('standard'),
    signatures: signatures.default(['v1a']),
  })
  .meta({ id: 'NewWebhook' });

/** Body of `PATCH /api/webhooks/{id}`. */
export const webhookPatchInput = z
  .strictObject({ url, description, eventTypes, format, state: z.enum(['enabled', 'disabled']) })
  .partial()
  .meta({ id: 'WebhookPatch' });

/** Body of `POST /api/webhooks/{id}/rotate`. */
export const rotateWebhookInput = z
  .strictObject({
    signatures: signatures.optional(),
    overlapSeconds: z.number().int().min(0).max(MAX_OVERLAP_SECONDS).default(86_400),
  })
  .meta({ id: 'RotateWebhook' });

/** Query of `GET /api/webhooks/{id}/deliveries`. */
export const deliveryQuery = pageQuery.extend({
  state: z.enum(['pending', 'delivered', 'failed']).optional(),
  eventType: z.enum(EVENT_TYPES).optional(),
});

/** Query of `GET /api/webhooks`. */
export const webhookListQuery = pageQuery;
