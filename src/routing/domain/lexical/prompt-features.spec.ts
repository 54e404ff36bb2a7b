import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { BUCKETS, DENSE, promptFeatures } from './prompt-features.js';

describe('promptFeatures', () => {
  it('describes any text by finite numbers, the same ones each time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const first = promptFeatures(text);
        expect(first.dense).toHaveLength(DENSE);
        expect(first.dense.every(Number.isFinite)).toBe(true);
        expect(new Set(first.buckets).size).toBe(first.buckets.length);
        expect(first.buckets.every((bucket) => bucket >= 0 && bucket < BUCKETS)).toBe(true);
        expect(promptFeatures(text)).toEqual(first);
      }),
    );
  });

  it('gives all words of a prompt together the length 1', () => {
    const { weights } = promptFeatures('Which of the two transfers was made first, and by whom?');
    expect(weights.reduce((sum, weight) => sum + weight * weight, 0)).toBeCloseTo(1, 12);
  });

  it('reads only the beginning and the end of a long prompt', () => {
    const edge = 'word '.repeat(400);
    const [one, other] = ['alpha '.repeat(5_000), 'omega '.repeat(5_000)].map((middle) =>
      promptFeatures(edge + middle + edge),
    );
    expect(one).toEqual(other);
  });

  it('does not tell numbers apart, but words, their order and letter case of none', () => {
    const buckets = (text: string): number[] => [...promptFeatures(text).buckets].sort((a, b) => a - b);
    expect(buckets('pay 17 euro')).toEqual(buckets('pay 952 euro'));
    expect(buckets('Pay the man')).toEqual(buckets('pay the man'));
    expect(buckets('dog bites man')).not.toEqual(buckets('man bites dog'));
  });

  it('survives an empty prompt', () => {
    const { buckets, dense } = promptFeatures('');
    expect(buckets).toHaveLength(0);
    expect(dense[1]).toBe(0);
  });
});
