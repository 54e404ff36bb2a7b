import type { TokenUsage } from '../adapters/usage.js';
import type { UsageSource } from './attempt.js';

const MOST_TIMES_BOUND = 10;

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

/** False for a report that cannot be true: more than ten times the output that was allowed. It is then counted instead. */
export function isPlausible(usage: TokenUsage, outputBound: number, choices: number): boolean {
  return usage.output + usage.reasoning <= MOST_TIMES_BOUND * Math.max(1, outputBound) * Math.max(1, choices);
}
