import { describe, expect, it } from '@jest/globals';

import { aCandidate, aPlanInput } from '../../../test/support/routing-builders.js';
import { planRoute } from './plan-route.js';
import { CLASS_SHARES, poolUse } from './pool-use.js';
import type { LiveDeployment } from './route-request.js';

const NAMES = { requestId: '0190', policy: 'p', snapshot: '0' };

function useOf(
  lives: readonly Partial<LiveDeployment>[],
  criticality: Parameters<typeof poolUse>[1] = 'critical',
): number {
  const candidates = lives.map((live, index) => aCandidate({ providerName: `p${String(index)}` }, { live }));
  return poolUse(planRoute(aPlanInput(candidates), NAMES), criticality);
}

describe('the used share of a pool', () => {
  it('weighs each deployment by what it bears', () => {
    expect(
      useOf([
        { inFlight: 10, limit: 10 },
        { inFlight: 0, limit: 30 },
      ]),
    ).toBeCloseTo(0.25);
  });

  it('counts one that is out for the moment as full, and one that is out for good not at all', () => {
    expect(useOf([{ limit: 10, refusal: 'breaker_open' }, { limit: 10 }])).toBeCloseTo(0.5);
    expect(useOf([{ limit: 10, credentialRefused: true }, { limit: 10 }])).toBe(0);
  });

  it('looks ahead only for classes that make room', () => {
    const soonGone = [{ inFlight: 1, limit: 10, predictedUse: 3 }];
    expect(useOf(soonGone, 'critical')).toBeCloseTo(0.1);
    expect(useOf(soonGone, 'sheddable')).toBe(1);
  });

  it('leaves the more critical classes more of it', () => {
    const { sheddable, critical } = CLASS_SHARES;
    expect([sheddable, CLASS_SHARES['sheddable-plus'], critical, CLASS_SHARES['critical-plus']]).toEqual([
      0.6, 0.75, 0.9, 1,
    ]);
  });
});
