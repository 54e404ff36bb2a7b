import type { CapabilityGap } from './adapter.js';

/** Requests that one attempt may be made of. */
export const MAX_FAN_OUT = 8;

/** Choices that a request asks for. */
export function choicesOf(request: Readonly<Record<string, unknown>>): number {
  const { n } = request;
  return typeof n === 'number' && Number.isInteger(n) && n > 1 ? n : 1;
}

/** The gaps of a dialect whose requests have one choice each: several are asked for by as many requests, up to eight, so `n` is
 *  none. */
export function withoutFanOut(
  gaps: readonly CapabilityGap[],
  request: Readonly<Record<string, unknown>>,
): CapabilityGap[] {
  return choicesOf(request) > MAX_FAN_OUT ? [...gaps] : gaps.filter(({ member }) => member !== 'n');
}

/** The request of one part: as it is, with one choice. */
export function singleChoice<T extends Readonly<Record<string, unknown>>>(request: T): T {
  const { n: _n, ...rest } = request;
  return rest as unknown as T;
}
