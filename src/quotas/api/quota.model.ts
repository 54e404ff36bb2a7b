import { formatInstant } from '../../platform/clock/index.js';
import { stateAt, type Override } from '../domain/override.js';
import type { QuotaReading } from '../domain/quota-reading.js';
import type { QuotaPolicy } from '../domain/quota.js';
import type { QuotaCheck } from '../quotas.service.js';

/** A quota as REST shows it. */
export type QuotaModel = Omit<QuotaPolicy, 'orgId' | 'windowSeconds'> & { readonly windowSeconds: number | null };

/** An override as REST shows it. */
export interface OverrideModel extends Pick<
  Override,
  'id' | 'subject' | 'limits' | 'reason' | 'incidentRef' | 'state' | 'requestedBy' | 'approvedBy' | 'version'
> {
  readonly requestedAt: string;
  readonly decidedAt: string | null;
  readonly expiresAt: string;
}

/** The answer of the check. */
export interface QuotaCheckModel extends Omit<QuotaCheck, 'limits'> {
  readonly limits: readonly {
    readonly policy: string;
    readonly unit: string;
    readonly limit: number;
    readonly used: number;
    readonly reserved: number;
    readonly remaining: number;
    readonly resetsAt: string;
  }[];
}

export function toQuotaModel({ orgId: _orgId, windowSeconds, ...policy }: QuotaPolicy): QuotaModel {
  return { ...policy, windowSeconds: policy.metric === 'CONCURRENCY' ? null : windowSeconds };
}

/** Shows the state that holds at `atMs`. */
export function toOverrideModel(override: Override, atMs: number): OverrideModel {
  const { id, subject, limits, reason, incidentRef, requestedBy, approvedBy, version } = override;
  return {
    id,
    subject,
    limits,
    reason,
    incidentRef,
    state: stateAt(override, atMs),
    requestedBy,
    requestedAt: formatInstant(override.requestedAtMs),
    approvedBy,
    decidedAt: override.decidedAtMs === null ? null : formatInstant(override.decidedAtMs),
    expiresAt: formatInstant(override.expiresAtMs),
    version,
  };
}

function toLimit({
  policy,
  limit,
  used,
  reserved,
  remaining,
  resetsAtMs,
}: QuotaReading): QuotaCheckModel['limits'][number] {
  return {
    policy: policy.name,
    unit: policy.metric,
    limit,
    used,
    reserved,
    remaining,
    resetsAt: formatInstant(resetsAtMs),
  };
}

export function toCheckModel(check: QuotaCheck): QuotaCheckModel {
  return { ...check, limits: check.limits.map(toLimit) };
}
