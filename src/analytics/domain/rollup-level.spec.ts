import { describe, expect, it } from '@jest/globals';

import { rollupSuffix } from './rollup-level.js';

describe('rollupSuffix', () => {
  it.each([
    [[], '_partner'],
    [['ORGANISATION'], '_partner'],
    [['MODEL', 'OUTCOME'], '_partner'],
    [['INVESTIGATION', 'MODEL'], '_investigation'],
    [['USER', 'INVESTIGATION'], '_case'],
    [['USER', 'MODEL'], '_user'],
    [['USER', 'INVESTIGATION', 'MODEL'], ''],
    [['USER', 'TASK'], ''],
  ] as const)('of %j is "%s"', (dimensions, suffix) => {
    expect(rollupSuffix(dimensions)).toBe(suffix);
  });
});
