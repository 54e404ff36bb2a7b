import { describe, expect, it } from '@jest/globals';

import { classifyGoogle, classifyGoogleBody, readLimits } from './google-error.js';

const NOW = 1_764_000_000_000;
const error = (code: number, status: string, more: object = {}) => ({ error: { code, status, message: 'm', ...more } });
const detail = (type: string, members: object) => ({ '@type': `type.googleapis.com/google.rpc.${type}`, ...members });
const reason = (name: string) => ({ details: [detail('ErrorInfo', { reason: name, domain: 'googleapis.com' })] });
const classify = (status: number, body: unknown) => classifyGoogle(status, {}, Buffer.from(JSON.stringify(body)));
const retry = detail('RetryInfo', { retryDelay: '34.4s' });
const violation = (quotaId: string, quotaValue = '10') => ({
  quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
  quotaId,
  quotaDimensions: { location: 'global', model: 'gemini-2.5-flash' },
  quotaValue,
});
const exhausted = (...ids: string[]) =>
  error(429, 'RESOURCE_EXHAUSTED', {
    details: [detail('QuotaFailure', { violations: ids.map((id) => violation(id)) }), retry],
  });

describe('errors of Google', () => {
  it.each([
    [400, error(400, 'INVALID_ARGUMENT'), 'caller', 'INVALID_ARGUMENT'],
    [400, error(400, 'INVALID_ARGUMENT', reason('API_KEY_INVALID')), 'credential', 'API_KEY_INVALID'],
    [
      400,
      error(400, 'INVALID_ARGUMENT', {
        message: 'The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).',
      }),
      'context',
      'INVALID_ARGUMENT',
    ],
    [401, error(401, 'UNAUTHENTICATED'), 'credential', 'UNAUTHENTICATED'],
    [403, error(403, 'PERMISSION_DENIED', reason('BILLING_DISABLED')), 'quota_exhausted', 'BILLING_DISABLED'],
    [403, error(403, 'PERMISSION_DENIED'), 'credential', 'PERMISSION_DENIED'],
    [404, error(404, 'NOT_FOUND'), 'not_found', 'NOT_FOUND'],
    [429, error(429, 'RESOURCE_EXHAUSTED'), 'rate_limited', 'RESOURCE_EXHAUSTED'],
    [499, error(499, 'CANCELLED'), 'server', 'CANCELLED'],
    [500, error(500, 'INTERNAL'), 'server', 'INTERNAL'],
    [503, error(503, 'UNAVAILABLE'), 'overloaded', 'UNAVAILABLE'],
    [504, error(504, 'DEADLINE_EXCEEDED'), 'server', 'DEADLINE_EXCEEDED'],
    [503, [error(503, 'UNAVAILABLE')], 'overloaded', 'UNAVAILABLE'],
    [502, 'Bad Gateway', 'server', null],
  ])('%d %j is %s', (status, body, failureClass, vendorCode) => {
    expect(classify(status, body)).toMatchObject({ class: failureClass, vendorCode, status, billed: 'no' });
  });

  it('a minute that is used up says when to come back', () => {
    expect(classify(429, exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier'))).toMatchObject({
      class: 'rate_limited',
      outcome: 'rate_limited',
      retryAfterMs: 34_400,
    });
  });

  it('a day that is used up exhausts the quota, whatever delay stands beside it', () => {
    const failure = classify(429, exhausted('GenerateRequestsPerDayPerProjectPerModel-FreeTier'));
    expect(failure).toMatchObject({ class: 'quota_exhausted', outcome: 'rate_limited' });
    expect(failure).not.toHaveProperty('retryAfterMs');
  });

  it('an error inside a success keeps what was billed', () => {
    expect(classifyGoogleBody(error(503, 'UNAVAILABLE'), 200, 'maybe')).toMatchObject({
      class: 'overloaded',
      outcome: 'error_in_body',
      status: 200,
      billed: 'maybe',
    });
  });

  it.each([[null], [42], ['x'], [[]], [{ error: 'x' }], [{ error: { details: [null, 1, { violations: [null] }] } }]])(
    'no body throws: %j',
    (body) => {
      expect(classify(400, body)).toHaveProperty('class');
      expect(readLimits(429, {}, body, NOW)).toEqual([]);
    },
  );
});

describe('limits of Google', () => {
  it('are told by a 429 only, by window, unit and scope', () => {
    const body = exhausted(
      'GenerateRequestsPerMinutePerProjectPerModel-FreeTier',
      'GenerateContentInputTokensPerModelPerMinute-FreeTier',
      'GenerateRequestsPerDayPerProjectPerModel-FreeTier',
    );
    const common = { scope: 'deployment', limit: 10, remaining: 0, source: 'body' };
    expect(readLimits(429, {}, body, NOW)).toEqual([
      { ...common, unit: 'requests', windowMs: 60_000, resetsAtMs: NOW + 34_400 },
      { ...common, unit: 'inputTokens', windowMs: 60_000, resetsAtMs: NOW + 34_400 },
      { ...common, unit: 'requests', windowMs: 86_400_000 },
    ]);
    expect(readLimits(200, {}, body, NOW)).toEqual([]);
    expect(readLimits(503, {}, body, NOW)).toEqual([]);
  });

  it('a delay alone is a limit of unknown size', () => {
    expect(readLimits(429, {}, error(429, 'RESOURCE_EXHAUSTED', { details: [retry] }), NOW)).toEqual([
      { scope: 'deployment', unit: 'requests', remaining: 0, resetsAtMs: NOW + 34_400, source: 'body' },
    ]);
    expect(readLimits(429, {}, error(429, 'RESOURCE_EXHAUSTED'), NOW)).toEqual([]);
  });

  it('what does not parse is unknown, not 0', () => {
    const odd = { ...violation('RequestsPerMinute'), quotaValue: 'many', quotaDimensions: {} };
    const body = error(429, 'RESOURCE_EXHAUSTED', { details: [detail('QuotaFailure', { violations: [odd] })] });
    expect(readLimits(429, {}, body, NOW)).toEqual([
      { scope: 'credential', unit: 'requests', windowMs: 60_000, remaining: 0, source: 'body' },
    ]);
  });
});
