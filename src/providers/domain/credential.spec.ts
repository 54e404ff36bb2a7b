import { describe, expect, it } from '@jest/globals';

import { struck, TRUSTED } from './credential.js';

const MINUTE = 60_000;

describe('credential health', () => {
  it('is suspect for 30 s after the first refusal, suspended after the second', () => {
    const once = struck(TRUSTED, { kind: 'credential' }, 1_000);
    expect(once).toEqual({ strikes: 1, blockedUntilMs: 31_000 });
    const twice = struck(once, { kind: 'credential' }, 40_000);
    expect(twice.blockedUntilMs).toBe(40_000 + 15 * MINUTE);
  });

  it('rests longer each time, six hours at most', () => {
    let health = TRUSTED;
    for (let count = 0; count < 12; count += 1) health = struck(health, { kind: 'quota_exhausted' }, 0);
    expect(health.blockedUntilMs).toBe(6 * 60 * MINUTE);
    expect(struck(TRUSTED, { kind: 'quota_exhausted' }, 0).blockedUntilMs).toBe(15 * MINUTE);
  });

  it("keeps to the provider's own reset", () => {
    expect(struck(TRUSTED, { kind: 'quota_exhausted', retryAfterMs: 90_000 }, 0).blockedUntilMs).toBe(90_000);
  });
});
