import type { PicoUsd } from '../../platform/money/index.js';
import type { Deployment } from '../../providers/index.js';
import type { Candidate, LiveDeployment } from './route-request.js';

/** What placing needs to know of a deployment: little enough to be kept in a record. */
export interface Placeable {
  readonly deployment: Pick<Deployment, 'id' | 'providerId' | 'weight'> & {
    readonly limits: Pick<Deployment['limits'], 'maxConcurrent'>;
  };
  readonly live: Pick<LiveDeployment, 'permits' | 'headroom' | 'ramp' | 'ttftMs'>;
  readonly quote: { readonly currency: string };
  readonly expected: PicoUsd;
}

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

/** Three decimals: what decides is what the record keeps, so that a replay decides alike. */
export function roundedShare(share: number): number {
  return Math.round(share * 1000) / 1000;
}

/** Whole milliseconds, at least one. */
export function roundedTime(ms: number): number {
  return Math.max(1, Math.round(ms));
}

/** How much of a call a deployment can take well: free permits × headroom × ramp × weight ÷ time to first token. The last tenth
 *  of a limit counts a tenth. */
export function capacityScore({ deployment, live }: Pick<Placeable, 'deployment' | 'live'>): number {
  const left = roundedShare(live.headroom);
  const headroom = left < LOW_SHARE ? left * LOW_SHARE : left;
  const ttftMs = live.ttftMs === null ? USUAL_TTFT_MS : roundedTime(live.ttftMs);
  return (live.permits * headroom * roundedShare(live.ramp) * deployment.weight) / ttftMs;
}

/** Amounts of one currency by value, else by code: two currencies have no order. */
export function compareCost(a: Placeable, b: Placeable): number {
  if (a.quote.currency !== b.quote.currency) return a.quote.currency < b.quote.currency ? -1 : 1;
  return a.expected < b.expected ? -1 : Number(a.expected > b.expected);
}

function byScore(a: Placeable, b: Placeable): number {
  return capacityScore(b) - capacityScore(a) || (a.deployment.id < b.deployment.id ? -1 : 1);
}

/** 32-bit FNV-1a. Source: draft-eastlake-fnv-17. */
function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** The deployment a conversation stays on, so that its prompt cache is warm: the same among the same equals. */
function stayOn<T extends Placeable>(equals: readonly T[], sessionKey: string): T | undefined {
  let chosen: T | undefined;
  let best = -1;
  for (const candidate of equals) {
    const free = candidate.live.permits / (candidate.deployment.limits.maxConcurrent ?? 512);
    const weight = fnv(`${sessionKey}|${candidate.deployment.id}`);
    if (free > STAYS_ABOVE_FREE_SHARE && weight > best) [chosen, best] = [candidate, weight];
  }
  return chosen;
}

/** Two of the equals drawn by the seed (all when there are two), the one with more capacity. */
function drawnOf<T extends Placeable>(equals: readonly T[], seed: number): T | undefined {
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
export function placeCalls<T extends Placeable>(deployments: readonly T[], draw: Draw): readonly T[] {
  if (deployments.length < 2) return deployments;
  const sorted = deployments.toSorted((a, b) => compareCost(a, b) || byScore(a, b));
  const [cheapest] = sorted;
  if (cheapest === undefined) return sorted;
  const equals = sorted
    .filter((one) => compareCost(one, cheapest) === 0)
    .sort((a, b) => (a.deployment.id < b.deployment.id ? -1 : 1));
  const first = stayingOf(equals, draw) ?? drawnOf(equals, draw.seed) ?? cheapest;
  const rest = sorted.filter((one) => one !== first);
  const isOther = (one: T): boolean => one.deployment.providerId !== first.deployment.providerId;
  return [first, ...rest.filter(isOther), ...rest.filter((one) => !isOther(one))];
}

/** What decides among equals. A record keeps no session key, but where it led: `staysOn`. */
export interface Draw {
  readonly seed: number;
  readonly sessionKey: string | undefined;
  /** Ids of deployments that sessions stayed on, of a decision that is replayed. */
  readonly staysOn?: ReadonlySet<string>;
}

function stayingOf<T extends Placeable>(equals: readonly T[], { sessionKey, staysOn }: Draw): T | undefined {
  if (staysOn !== undefined) return equals.find(({ deployment }) => staysOn.has(deployment.id));
  return sessionKey === undefined ? undefined : stayOn(equals, sessionKey);
}
