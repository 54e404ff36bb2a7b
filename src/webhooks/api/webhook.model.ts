import { formatInstant } from '../../platform/clock/index.js';
import type { DeliveryView } from '../deliveries.service.js';
import type { ShownKey } from '../webhook-keys.js';
import type { EndpointView } from '../webhooks.service.js';

const instant = (ms: number | null): string | null => (ms === null ? null : formatInstant(ms));

/** A signing key. `secret` (`whsec_…`) is in the answer that made it, and never again. */
export interface WebhookKeyJson {
  readonly id: string;
  readonly scheme: 'v1' | 'v1a';
  readonly secret: string | null;
  readonly publicKey: string | null;
  readonly retiresAt: string | null;
}

/** An endpoint as REST shows it. */
export interface WebhookJson {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly eventTypes: readonly string[];
  readonly format: string;
  readonly state: string;
  readonly disabledBecause: string | null;
  readonly failingSince: string | null;
  readonly version: number;
  readonly createdAt: string;
  readonly keys: readonly WebhookKeyJson[];
}

/** A delivery as REST shows it. */
export interface WebhookDeliveryJson {
  readonly id: string;
  readonly messageId: string;
  readonly eventType: string;
  readonly seq: number | null;
  readonly replayOf: string | null;
  readonly state: string;
  readonly nextAttemptAt: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly body: string;
  readonly attempts: readonly {
    readonly n: number;
    readonly at: string;
    readonly durationMs: number;
    readonly status: number | null;
    readonly error: string | null;
  }[];
}

const toKeyJson = ({ id, scheme, secret, publicKey, retiresAtMs }: ShownKey): WebhookKeyJson => ({
  id,
  scheme,
  secret,
  publicKey,
  retiresAt: instant(retiresAtMs),
});

export function toWebhookJson({ endpoint, keys }: EndpointView): WebhookJson {
  const { id, url, description, eventTypes, format, state, disabledBecause, version } = endpoint;
  return {
    id,
    url,
    description,
    eventTypes,
    format,
    state,
    disabledBecause,
    failingSince: instant(endpoint.failingSinceMs),
    version,
    createdAt: formatInstant(endpoint.createdAtMs),
    keys: keys.map(toKeyJson),
  };
}

export function toDeliveryJson({ delivery, attempts }: DeliveryView): WebhookDeliveryJson {
  const { id, messageId, eventType, seq, replayOf, state, body } = delivery;
  return {
    id,
    messageId,
    eventType,
    seq,
    replayOf,
    state,
    nextAttemptAt: instant(delivery.nextAtMs),
    createdAt: formatInstant(delivery.createdAtMs),
    endedAt: instant(delivery.endedAtMs),
    body,
    attempts: attempts.map(({ n, atMs, durationMs, status, error }) => ({
      n,
      at: formatInstant(atMs),
      durationMs,
      status,
      error,
    })),
  };
}
