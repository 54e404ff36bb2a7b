import { describe, expect, it } from '@jest/globals';

import type { Criticality, Principal } from '../../platform/security/index.js';
import { grantCriticality } from './criticality.js';

const holding = (maxCriticality: Criticality, batch = false): Pick<Principal, 'entitlements'> => ({
  entitlements: {
    models: null,
    maxCriticality,
    maxTier: 'critical',
    defaultInvestigationId: null,
    simulated: null,
    batch,
  },
});

describe('grantCriticality', () => {
  it('is critical by default and sheddable-plus for batch credentials', () => {
    expect(grantCriticality(undefined, holding('critical'), false).criticality).toBe('critical');
    expect(grantCriticality(undefined, holding('critical', true), false).criticality).toBe('sheddable-plus');
  });

  it('keeps the default within the entitlement', () => {
    expect(grantCriticality(undefined, holding('sheddable'), false).criticality).toBe('sheddable');
  });

  it('grants a wish up to the entitlement, as it is', () => {
    expect(grantCriticality('critical', holding('critical'), false)).toEqual({
      criticality: 'critical',
      byOverride: false,
    });
    expect(grantCriticality('sheddable', holding('critical-plus'), false).criticality).toBe('sheddable');
  });

  it('refuses a wish above the entitlement unless an override is in force', () => {
    expect(() => grantCriticality('critical-plus', holding('critical'), false)).toThrow(/critical at most/);
    expect(grantCriticality('critical-plus', holding('critical'), true)).toEqual({
      criticality: 'critical-plus',
      byOverride: true,
    });
  });
});
