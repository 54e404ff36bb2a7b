/** What others may want to know. Source: the wire contract's list of event types. */
export const EVENT_TYPES = [
  'budget.threshold.reached',
  'budget.threshold.resolved',
  'budget.exhausted',
  'quota.override.requested',
  'quota.override.approved',
  'quota.override.denied',
  'quota.override.used',
  'quota.override.expired',
  'provider.state.changed',
  'failover.started',
  'failover.ended',
  'audit.verification.failed',
  'audit.safe_stop',
  'price.changed',
  'price.missing',
  'reconciliation.variance',
  'anomaly.detected',
  'case.closed',
  'webhook.disabled',
  'webhook.test',
] as const;

/** One of {@link EVENT_TYPES}. */
export type EventType = (typeof EVENT_TYPES)[number];

/** A notice, thin: ids and numbers, no prompt, no person's name. */
export interface OutboxEvent {
  readonly id: string;
  readonly orgId: string;
  readonly type: EventType;
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A notice that was published. `seq` grows in the order in which notices became visible: nothing ever appears below a number
 *  that somebody has read. */
export interface StoredEvent extends OutboxEvent {
  readonly seq: number;
}
