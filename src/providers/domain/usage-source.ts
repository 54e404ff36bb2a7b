import type { UsageSource } from './attempt.js';

/** What is known of an attempt's usage when it ends. */
export interface UsageFacts {
  readonly reported: boolean;
  /** A connection carried the request. */
  readonly sent: boolean;
  readonly billed: 'no' | 'maybe' | 'yes';
  readonly receivedBytes: number;
}

/** Where the token counts of an ended attempt come from. Source: money page §6. */
export function usageSourceOf(facts: UsageFacts): UsageSource {
  if (facts.reported) return 'reported';
  if (!facts.sent || facts.billed === 'no') return 'none';
  return facts.receivedBytes > 0 ? 'counted' : 'estimated';
}
