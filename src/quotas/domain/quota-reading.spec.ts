import { describe, expect, it } from '@jest/globals';

import { formatReset, rateLimitHeaders, type QuotaReading } from './quota-reading.js';
import type { QuotaPolicy } from './quota.js';

function reading(name: string, fields: Partial<QuotaReading> & Pick<QuotaPolicy, 'metric'>): QuotaReading {
  const { metric, ...rest } = fields;
  const policy: QuotaPolicy = {
    id: name,
    orgId: 'o',
    name,
    subject: { type: 'USER', id: null },
    metric,
    limit: 100,
    windowSeconds: 60,
    burst: 100,
    models: null,
    managedBy: 'ui',
    version: 1,
  };
  return { policy, subjectId: 'u', limit: 100, used: 0, reserved: 0, remaining: 100, resetsAtMs: 12_000, ...rest };
}

describe('rateLimitHeaders', () => {
  it('shows the tightest request and the tightest token quota', () => {
    const headers = rateLimitHeaders(
      [
        reading('user-rpm', { metric: 'REQUESTS', remaining: 40 }),
        reading('team-rpm', { metric: 'REQUESTS', limit: 1_000, remaining: 10, resetsAtMs: 360_000 }),
        reading('user-tpm', { metric: 'TOKENS', limit: 100_000, remaining: 81_234 }),
        reading('user-slots', { metric: 'CONCURRENCY', remaining: 0 }),
      ],
      0,
    );
    expect(headers).toEqual({
      'RateLimit-Policy': '"team-rpm";q=1000;qu="requests";w=60, "user-tpm";q=100000;qu="tokens";w=60',
      RateLimit: '"team-rpm";r=10;t=360, "user-tpm";r=81234;t=12',
      'x-ratelimit-limit-requests': '1000',
      'x-ratelimit-remaining-requests': '10',
      'x-ratelimit-reset-requests': '6m0s',
      'x-ratelimit-limit-tokens': '100000',
      'x-ratelimit-remaining-tokens': '81234',
      'x-ratelimit-reset-tokens': '12s',
    });
  });

  it('is empty for callers without quotas', () => {
    expect(rateLimitHeaders([reading('slots', { metric: 'CONCURRENCY' })], 0)).toEqual({});
  });
});

describe('formatReset', () => {
  it.each([
    [0, '0ms'],
    [119.2, '120ms'],
    [12_000, '12s'],
    [61_001, '1m2s'],
    [360_000, '6m0s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatReset(ms)).toBe(text);
  });
});
