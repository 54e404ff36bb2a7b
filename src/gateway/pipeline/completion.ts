import { toOpenAiUsage } from '../../providers/index.js';
import type { ChargedCall } from '../domain/charge-attempts.js';
import type { CallTrace } from './call-trace.js';
import type { Completion } from './rendering.js';

type UsageInput = Parameters<typeof toOpenAiUsage>[0];

/** The usage that the caller sees: what the serving attempt is charged on. */
export function shownUsage(charged: ChargedCall | undefined): Completion['usage'] {
  const last = charged?.attempts.at(-1);
  if (last === undefined) throw new Error('A finished call has at least one charged attempt');
  // Metering's extras are those the adapter reported.
  return toOpenAiUsage({ ...last.usage, extras: last.extras as NonNullable<UsageInput['extras']> });
}

/** What closes an answer: usage, and the `aip` member as far as it was asked for. */
export function completionOf(trace: CallTrace, metadata: 'none' | 'cost' | 'full'): Completion {
  const usage = shownUsage(trace.charged);
  if (metadata === 'none') return { usage, aip: undefined };
  const described = trace.describe();
  if (metadata === 'full') return { usage, aip: described };
  const { requestId, provider, answeredModel, cost, attempts } = described;
  return { usage, aip: { requestId, provider, answeredModel, cost, attempts } };
}
