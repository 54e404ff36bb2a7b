import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { durationMs, readLimits } from './limits.js';

const NOW = 1_800_000_000_000;
const read = (headers: Record<string, string>) => readLimits(200, headers, undefined, NOW);

describe('limits of OpenAI-compatible vendors', () => {
  it.each([
    ['6ms', 6],
    ['7.66s', 7_660],
    ['1m30.5s', 90_500],
    ['6m0s', 360_000],
    ['12', 12_000],
    ['soon', undefined],
  ])('%s is %s ms', (text, wanted) => {
    expect(durationMs(text)).toBe(wanted);
  });

  it('reads requests and tokens', () => {
    const headers = {
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '10',
      'x-ratelimit-reset-tokens': '6m0s',
    };
    expect(read(headers)).toEqual([
      { scope: 'credential', unit: 'tokens', limit: 1_000, remaining: 10, resetsAtMs: NOW + 360_000, source: 'header' },
    ]);
  });

  it('takes the window from the name where it stands there', () => {
    expect(
      read({ 'x-ratelimit-limit-req-10-second': '60', 'x-ratelimit-remaining-req-10-second': '52' }),
    ).toMatchObject([{ unit: 'requests', windowMs: 10_000 }]);
  });

  it('azure: a bare number beyond the renewal period is milliseconds', () => {
    const headers = { 'x-ratelimit-remaining-tokens': '1', 'x-ratelimit-renewalperiod-tokens': '60' };
    expect(read({ ...headers, 'x-ratelimit-reset-tokens': '30' })[0]?.resetsAtMs).toBe(NOW + 30_000);
    expect(read({ ...headers, 'x-ratelimit-reset-tokens': '900' })[0]?.resetsAtMs).toBe(NOW + 900);
  });

  it('what is masked is unknown, not 0', () => {
    expect(
      read({ 'x-ratelimit-limit-tokens': 'X-RATELIMIT-LIMIT-TOKENS-XXX', 'x-ratelimit-remaining-tokens': '-1' }),
    ).toEqual([]);
  });

  it('no header text throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (remaining, reset) => {
        expect(() =>
          read({ 'x-ratelimit-remaining-requests': remaining, 'x-ratelimit-reset-requests': reset }),
        ).not.toThrow();
      }),
    );
  });
});
