import { describe, expect, it } from '@jest/globals';

import { claimedValues, processesWithin, type Claim } from './claim.js';

const claim = (value: unknown, more: Partial<Claim> = {}): Claim => ({
  kind: 'processingIn',
  value,
  evidenceUrl: null,
  statedAtMs: 0,
  reviewedBy: null,
  reviewDueAtMs: 1_000,
  ...more,
});

describe('claims', () => {
  it('join the values in force of a kind', () => {
    const claims = [claim(['DE', 'FR']), claim('NL'), claim('US', { kind: 'storageIn' })];
    expect(claimedValues(claims, 'processingIn', 0)).toEqual(['DE', 'FR', 'NL']);
  });

  it('say nothing once their review is due', () => {
    expect(claimedValues([claim(['DE'])], 'processingIn', 1_000)).toEqual([]);
    expect(processesWithin([claim(['DE'])], ['DE'], 1_000)).toBe(false);
  });

  it('prove a place only when every place is allowed', () => {
    expect(processesWithin([claim(['DE', 'FR'])], ['DE', 'FR', 'NL'], 0)).toBe(true);
    expect(processesWithin([claim(['DE', 'US'])], ['DE', 'FR'], 0)).toBe(false);
    expect(processesWithin([], ['DE'], 0)).toBe(false);
    expect(processesWithin([claim([7])], ['DE'], 0)).toBe(false);
  });
});
