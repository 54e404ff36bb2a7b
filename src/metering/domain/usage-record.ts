import type { PicoUsd } from '../../platform/money/index.js';
import type { Criticality } from '../../platform/security/index.js';
import type { UsageSource } from '../../providers/index.js';
import type { Extra, Meter, TokenCounts } from './meter.js';

/** What one attempt used and what it cost. Written once, never changed. */
export interface UsageRecord {
  readonly id: string;
  readonly orgId: string;
  /** Start of the attempt: the month it is stored under. */
  readonly atMs: number;
  readonly requestId: string;
  /** 1… within the request. */
  readonly attempt: number;
  readonly providerId: string;
  readonly provider: string;
  readonly deploymentId: string;
  /** What the partner was asked with; null or absent: nothing, or nobody knows. */
  readonly credentialId?: string | null;
  /** Public name. */
  readonly model: string;
  readonly upstreamModel: string;
  readonly teamId: string | null;
  readonly userId: string;
  readonly keyId: string | null;
  readonly investigationId: string | null;
  readonly operationId: string | null;
  readonly task: string | null;
  readonly criticality: Criticality;
  readonly outcome: string;
  readonly usageSource: UsageSource;
  readonly usage: TokenCounts;
  readonly extras: readonly Extra[];
  readonly currency: string;
  readonly cost: PicoUsd;
  readonly priceIds: Readonly<Partial<Record<Meter, string>>>;
  readonly simulated: boolean;
  /** The charge is an estimate of an outcome nobody saw. */
  readonly unconfirmed: boolean;
  /** Some meter had no price of its own and was charged at the dearest. */
  readonly assumed: boolean;
  /** The call cost more than was held for it. */
  readonly overrun: boolean;
  readonly latencyMs: number | null;
  readonly ttftMs: number | null;
}
