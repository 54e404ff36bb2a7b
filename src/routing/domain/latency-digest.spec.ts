import { describe, expect, it } from '@jest/globals';

import { LatencyDigest } from './latency-digest.js';

describe('LatencyDigest', () => {
  it('gives quantiles within the width of a bucket', () => {
    const digest = new LatencyDigest();
    for (let ms = 1; ms <= 1_000; ms += 1) digest.add(ms, 0);
    const [p50, p95, p99] = digest.quantiles([0.5, 0.95, 0.99], { nowMs: 0, fromMs: 300_000 });
    expect((p50 ?? 0) / 500).toBeGreaterThan(0.96);
    expect((p50 ?? 0) / 500).toBeLessThan(1.04);
    expect(Math.abs((p95 ?? 0) / 950 - 1)).toBeLessThan(0.04);
    expect(Math.abs((p99 ?? 0) / 990 - 1)).toBeLessThan(0.04);
  });

  it('looks only at the part that is asked for', () => {
    const digest = new LatencyDigest();
    for (let n = 0; n < 30; n += 1) digest.add(100, 0);
    for (let n = 0; n < 10; n += 1) digest.add(400, 120_000);
    const [recent] = digest.quantiles([0.5], { nowMs: 120_000, fromMs: 30_000 });
    const [before] = digest.quantiles([0.5], { nowMs: 120_000, fromMs: 600_000, toMs: 60_000 });
    expect(Math.round((recent ?? 0) / 20)).toBe(20);
    expect(Math.round((before ?? 0) / 20)).toBe(5);
    expect(digest.quantiles([0.5], { nowMs: 120_000, fromMs: 30_000, least: 11 })).toEqual([null]);
  });

  it('forgets after ten minutes', () => {
    const digest = new LatencyDigest();
    digest.add(100, 0);
    expect(digest.quantiles([0.5], { nowMs: 660_000, fromMs: 600_000 })).toEqual([null]);
  });
});
