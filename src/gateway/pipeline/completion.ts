import { addUsage, toOpenAiUsage, type TokenUsage } from '../../providers/index.js';
import { servedCharges, type ChargedCall } from '../domain/charge-attempts.js';
import type { CallTrace } from './call-trace.js';
import type { Completion } from './rendering.js';

/** The usage that the caller sees: what the attempts are charged on that served. */
export function shownUsage(charged: ChargedCall | undefined): Completion['usage'] {
  const [first, ...others] = charged === undefined ? [] : servedCharges(charged).map(usageOf);
  if (first === undefined) throw new Error('A finished call has at least one charged attempt');
  return toOpenAiUsage(others.reduce(addUsage, first));
}

/** Metering's extras are those the adapter reported. */
function usageOf({ usage, extras }: ReturnType<typeof servedCharges>[number]): TokenUsage {
  return { ...usage, extras: extras as NonNullable<TokenUsage['extras']> };
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
