import { describe, expect, it } from '@jest/globals';

import { TtftSamples } from './ttft-samples.js';

describe('TtftSamples', () => {
  it('says nothing before 200 answers are known', () => {
    const samples = new TtftSamples();
    for (let count = 0; count < 199; count += 1) samples.add(100);
    expect(samples.quantile(0.99)).toBeNull();
    samples.add(100);
    expect(samples.quantile(0.99)).toBe(100);
  });

  it('gives the time that a share of the answers stay under', () => {
    const samples = new TtftSamples();
    for (let ms = 1_000; ms > 800; ms -= 1) samples.add(ms);
    expect(samples.quantile(0.5)).toBe(901);
    expect(samples.quantile(0.99)).toBe(999);
    expect(samples.quantile(1)).toBe(1_000);
  });

  it('forgets what lies more than 512 answers back', () => {
    const samples = new TtftSamples();
    for (let count = 0; count < 300; count += 1) samples.add(9_000);
    for (let count = 0; count < 512; count += 1) samples.add(50);
    expect(samples.quantile(1)).toBe(50);
  });
});
