/** How a message is signed. Source: Standard Webhooks, §Signature scheme: `v1` HMAC-SHA256, `v1a` Ed25519. */
export const SIGNATURE_SCHEMES = ['v1', 'v1a'] as const;
export type SignatureScheme = (typeof SIGNATURE_SCHEMES)[number];

/** How a message is written: Standard Webhooks' own body, or a structured CloudEvent. */
export const MESSAGE_FORMATS = ['standard', 'cloudevents'] as const;
export type MessageFormat = (typeof MESSAGE_FORMATS)[number];

/** Why an endpoint gets nothing: somebody switched it off, it answered 410, or nothing arrived through a whole round of retries. */
export type DisabledBecause = 'operator' | 'gone' | 'failing';

/** Where notices of an organisation are sent to. */
export interface Endpoint {
  readonly id: string;
  readonly orgId: string;
  readonly url: string;
  readonly description: string;
  /** Sorted, no duplicates; empty: every type. */
  readonly eventTypes: readonly string[];
  readonly format: MessageFormat;
  readonly state: 'enabled' | 'disabled';
  readonly disabledBecause: DisabledBecause | null;
  /** Since when nothing arrived; null: the last attempt succeeded, or there was none. */
  readonly failingSinceMs: number | null;
  readonly version: number;
  readonly createdAtMs: number;
}

/** What is known of a signing key without its secret. */
export interface KeyFacts {
  readonly id: string;
  readonly endpointId: string;
  readonly scheme: SignatureScheme;
  /** `whpk_…` of a `v1a` key; null for `v1`. */
  readonly publicKey: string | null;
  readonly createdAtMs: number;
  /** Signs until then; null: it is the present one. */
  readonly retiresAtMs: number | null;
}

/** A signing key as it lies in the database. */
export interface StoredKey extends KeyFacts {
  readonly sealed: Buffer;
  readonly sealedWith: string;
}

/** One message to one endpoint: what was sent, and what became of it. */
export interface Delivery {
  readonly id: string;
  readonly orgId: string;
  readonly endpointId: string;
  /** `webhook-id`: the same on every attempt and on a replay. */
  readonly messageId: string;
  readonly eventType: string;
  /** Place in the outbox; null for a test. */
  readonly seq: number | null;
  /** Exactly the bytes that are signed, UTF-8, at most 20 000. */
  readonly body: string;
  readonly contentType: string;
  readonly replayOf: string | null;
  readonly state: 'pending' | 'delivered' | 'failed';
  /** Attempts begun. */
  readonly attempts: number;
  readonly nextAtMs: number | null;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

/** One try. `status` is null when no answer came; `error` is null on success. */
export interface DeliveryAttempt {
  readonly n: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: string | null;
}
