import { describe, expect, it } from '@jest/globals';

import { retryAfterMs } from './retry-after.js';

describe('retryAfterMs', () => {
  const nowMs = Date.parse('2026-03-01T00:00:00Z');

  it.each([
    [429, { 'retry-after': '3' }, 3_000],
    [503, { 'retry-after': '0.5' }, 500],
    [529, { 'retry-after-ms': '120', 'retry-after': '9' }, 120],
    [429, { 'retry-after': 'Sun, 01 Mar 2026 00:00:20 GMT' }, 20_000],
    [429, { 'retry-after': '999999' }, 900_000],
    [429, { 'retry-after': 'soon' }, undefined],
    [429, { 'retry-after': '-4' }, undefined],
    [200, { 'retry-after': '3' }, undefined],
    [500, { 'retry-after': '3' }, undefined],
  ])('status %i with %j asks for %s ms', (status, headers, wanted) => {
    expect(retryAfterMs(status, headers, undefined, nowMs)).toBe(wanted);
  });

  it('reads a date against the date of the answer when no clock is given', () => {
    const headers = { date: 'Sun, 01 Mar 2026 00:00:00 GMT', 'retry-after': 'Sun, 01 Mar 2026 00:00:05 GMT' };
    expect(retryAfterMs(429, headers)).toBe(5_000);
  });

  it('finds RetryInfo in the body', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }];
    expect(retryAfterMs(429, {}, { error: { details } })).toBe(34_400);
  });
});
