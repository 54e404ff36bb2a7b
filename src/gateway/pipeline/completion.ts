import type { TokenCounts } from '../../metering/index.js';
import { toOpenAiUsage } from '../../providers/index.js';
import { servedCharges, type ChargedCall } from '../domain/charge-attempts.js';
import type { CallTrace } from './call-trace.js';
import type { Completion } from './rendering.js';

function addCounts(one: TokenCounts, other: TokenCounts): TokenCounts {
  return {
    input: one.input + other.input,
    cachedInput: one.cachedInput + other.cachedInput,
    cacheWrite: one.cacheWrite + other.cacheWrite,
    output: one.output + other.output,
    reasoning: one.reasoning + other.reasoning,
  };
}

type UsageInput = Parameters<typeof toOpenAiUsage>[0];

/** The usage that the caller sees: what the attempts are charged on that served. */
export function shownUsage(charged: ChargedCall | undefined): Completion['usage'] {
  const [first, ...others] = charged === undefined ? [] : servedCharges(charged);
  if (first === undefined) throw new Error('A finished call has at least one charged attempt');
  // Metering's extras are those the adapter reported.
  const extras = [first, ...others].flatMap((one) => one.extras) as NonNullable<UsageInput['extras']>;
  const usage = others.reduce((total, one) => addCounts(total, one.usage), first.usage);
  return toOpenAiUsage({ ...usage, extras });
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
