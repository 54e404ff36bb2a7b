import { formatAmount, type Money } from '../../platform/money/index.js';

/** One finished or running try at a deployment, as the headers and the `aip` member tell it. */
export interface AttemptSummary {
  readonly n: number;
  readonly provider: string;
  readonly model: string;
  readonly outcome: string;
}

/** What is known when the status line leaves. */
export interface HeadFacts {
  readonly provider: string;
  readonly model: string;
  readonly attempts: readonly AttemptSummary[];
  readonly simulated: boolean;
  readonly durability: 'strict' | 'relaxed';
  readonly overheadMs: number;
  readonly ignored: readonly string[];
  readonly receipts: readonly string[];
  /** Known only for collected answers: a stream's head leaves before its cost is known. */
  readonly cost?: Money;
  /** Quota headers of the admission. */
  readonly quota: Readonly<Record<string, string>>;
}

/** Names of members that were dropped come from the caller: only visible ASCII may reach a header. */
function headerSafe(name: string): string {
  return name.replaceAll(/[^\x21-\x7e]|,/g, '?').slice(0, 64);
}

/** Response headers of a served call. Source: the wire contract §2.3. */
export function responseHeaders(facts: HeadFacts): Record<string, string> {
  const failed = facts.attempts.slice(0, -1);
  const headers: Record<string, string> = {
    ...facts.quota,
    'AIP-Provider': facts.provider,
    'AIP-Model': facts.model,
    'AIP-Attempts': String(facts.attempts.length),
    'AIP-Overhead-Ms': facts.overheadMs.toFixed(1),
    'AIP-Audit-Receipt': facts.receipts.join(', '),
    'AIP-Durability': facts.durability,
  };
  if (failed.length > 0) {
    headers['AIP-Failover'] = failed.map(({ provider, outcome }) => `${provider};reason=${outcome}`).join(', ');
  }
  if (facts.cost !== undefined) headers['AIP-Cost'] = `${formatAmount(facts.cost.amount)} ${facts.cost.currency}`;
  if (facts.simulated) headers['AIP-Simulated'] = 'true';
  if (facts.ignored.length > 0) headers['AIP-Ignored'] = facts.ignored.slice(0, 20).map(headerSafe).join(', ');
  return headers;
}
