/** Width of a bucket: each is 8 % wider than the one before, so a quantile is exact to 4 %. */
const GROWTH = Math.log(1.08);
const SLICE_MS = 30_000;
/** Ten minutes: the longest anybody asks about. */
const SLICES = 20;

interface Slice {
  readonly startMs: number;
  readonly counts: Map<number, number>;
}

/** Times of the last ten minutes as a histogram per half minute: quantiles of any recent part of them in bounded memory. */
export class LatencyDigest {
  readonly #slices: Slice[] = [];

  /** Adds one time. */
  add(ms: number, nowMs: number): void {
    const startMs = Math.floor(nowMs / SLICE_MS) * SLICE_MS;
    let slice = this.#slices.at(-1);
    if (slice === undefined || slice.startMs < startMs) {
      slice = { startMs, counts: new Map() };
      this.#slices.push(slice);
      if (this.#slices.length > SLICES) this.#slices.shift();
    }
    const bucket = Math.round(Math.log(Math.max(1, ms)) / GROWTH);
    slice.counts.set(bucket, (slice.counts.get(bucket) ?? 0) + 1);
  }

  /** The times that these shares (0…1, rising) stay under, among those between `fromMs` and `toMs` ago; all null below `least`
   *  times. Whole slices are counted. */
  quantiles(
    shares: readonly number[],
    { nowMs, fromMs, toMs = 0, least = 1 }: { nowMs: number; fromMs: number; toMs?: number; least?: number },
  ): readonly (number | null)[] {
    const counts = new Map<number, number>();
    let total = 0;
    for (const slice of this.#slices) {
      if (slice.startMs + SLICE_MS <= nowMs - fromMs || slice.startMs > nowMs - toMs) continue;
      for (const [bucket, count] of slice.counts) {
        counts.set(bucket, (counts.get(bucket) ?? 0) + count);
        total += count;
      }
    }
    if (total < Math.max(1, least)) return shares.map(() => null);
    const buckets = [...counts].sort(([a], [b]) => a - b);
    return shares.map((share) => quantileOf(buckets, Math.ceil(share * total)));
  }
}

function quantileOf(buckets: readonly (readonly [number, number])[], rank: number): number {
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= rank) return Math.exp(bucket * GROWTH);
  }
  return Math.exp((buckets.at(-1)?.[0] ?? 0) * GROWTH);
}
