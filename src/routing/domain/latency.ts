/** Smoothed time with its spread, milliseconds. */
export interface Latency {
  readonly meanMs: number;
  readonly varianceMs2: number;
  readonly count: number;
}

const WEIGHT = 0.1;
const Z95 = 1.645;

/** Adds one measurement: an exponentially weighted mean and variance. Source: West, "Updating mean and variance estimates",
 *  in its exponential form. */
export function addLatency(known: Latency | undefined, ms: number): Latency {
  if (known === undefined) return { meanMs: ms, varianceMs2: 0, count: 1 };
  // The first measurements count evenly: a mean of three is no tenth of the last one.
  const weight = Math.max(WEIGHT, 1 / (known.count + 1));
  const difference = ms - known.meanMs;
  return {
    meanMs: known.meanMs + weight * difference,
    varianceMs2: (1 - weight) * (known.varianceMs2 + weight * difference * difference),
    count: known.count + 1,
  };
}

/** What 95 % of answers stay under, by mean and spread; null before five answers. */
export function p95Of(latency: Latency | undefined): number | null {
  if (latency === undefined || latency.count < 5) return null;
  return latency.meanMs + Z95 * Math.sqrt(latency.varianceMs2);
}
