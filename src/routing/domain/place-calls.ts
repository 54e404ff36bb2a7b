import type { PicoUsd } from '../../platform/money/index.js';
import type { Candidate } from './route-request.js';

/** A candidate that passed every filter, so its price is known. */
export type Eligible = Candidate & {
  readonly quote: NonNullable<Candidate['quote']>;
  readonly expected: PicoUsd;
  readonly worst: PicoUsd;
};

/** Nobody knows the first token of a deployment that never answered: it is tried as if it were usual. */
const USUAL_TTFT_MS = 500;
const STAYS_ABOVE_FREE_SHARE = 0.2;

/** A call that leaves less of a limit than this goes elsewhere if it can. */
const LOW_SHARE = 0.1;

/** How much of a call a deployment can take well: free permits × headroom × ramp × weight ÷ time to first token. The last tenth
 *  of a limit counts a tenth. */
export function capacityScore({ deployment, live }: Candidate): number {
  const headroom = live.headroom < LOW_SHARE ? live.headroom * LOW_SHARE : live.headroom;
  return (live.permits * headroom * live.ramp * deployment.weight) / (live.ttftMs ?? USUAL_TTFT_MS);
}

/** Amounts of one currency by value, else by code: two currencies have no order. */
export function compareCost(a: Eligible, b: Eligible): number {
  if (a.quote.currency !== b.quote.currency) return a.quote.currency < b.quote.currency ? -1 : 1;
  return a.expected < b.expected ? -1 : Number(a.expected > b.expected);
}

function byScore(a: Eligible, b: Eligible): number {
  return capacityScore(b) - capacityScore(a) || (a.deployment.id < b.deployment.id ? -1 : 1);
}

/** 32-bit FNV-1a. Source: draft-eastlake-fnv-17. */
function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** The deployment a conversation stays on, so that its prompt cache is warm: the same among the same equals. */
function stayOn(equals: readonly Eligible[], sessionKey: string): Eligible | undefined {
  let chosen: Eligible | undefined;
  let best = -1;
  for (const candidate of equals) {
    const free = candidate.live.permits / (candidate.deployment.limits.maxConcurrent ?? 512);
    const weight = fnv(`${sessionKey}|${candidate.deployment.id}`);
    if (free > STAYS_ABOVE_FREE_SHARE && weight > best) [chosen, best] = [candidate, weight];
  }
  return chosen;
}

/** Two of the equals drawn by the seed (all when there are two), the one with more capacity. */
function drawnOf(equals: readonly Eligible[], seed: number): Eligible | undefined {
  const { length } = equals;
  const bits = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) >>> 0;
  const first = equals[bits % length];
  const second = equals[((bits % length) + 1 + ((bits >>> 8) % Math.max(1, length - 1))) % length];
  if (first === undefined || second === undefined) return first;
  const [a, b] = [capacityScore(first), capacityScore(second)];
  if (a === b) return (bits & 0x10000) === 0 ? first : second;
  return a > b ? first : second;
}

/** Orders the deployments of one model for a call: the cheapest first, among equals one that stays with the session or wins
 *  the draw; behind it other partners before the same one, each by cost and capacity. Pure, independent of input order. */
export function placeCalls(
  deployments: readonly Eligible[],
  draw: { readonly seed: number; readonly sessionKey: string | undefined },
): readonly Eligible[] {
  if (deployments.length < 2) return deployments;
  const sorted = deployments.toSorted((a, b) => compareCost(a, b) || byScore(a, b));
  const [cheapest] = sorted;
  if (cheapest === undefined) return sorted;
  const equals = sorted
    .filter((one) => compareCost(one, cheapest) === 0)
    .sort((a, b) => (a.deployment.id < b.deployment.id ? -1 : 1));
  const stays = draw.sessionKey === undefined ? undefined : stayOn(equals, draw.sessionKey);
  const first = stays ?? drawnOf(equals, draw.seed) ?? cheapest;
  const rest = sorted.filter((one) => one !== first);
  const isOther = (one: Eligible): boolean => one.deployment.providerId !== first.deployment.providerId;
  return [first, ...rest.filter(isOther), ...rest.filter((one) => !isOther(one))];
}
