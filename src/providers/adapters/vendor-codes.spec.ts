import { describe, expect, it } from '@jest/globals';

import { classifyBody, classifyStatus } from './classify-failure.js';

type Row = readonly [status: number, body: unknown, failureClass: string];
const error = (more: object) => ({ error: { message: 'Something', ...more } });
const anthropic = (type: string, message = 'Something') => ({ type: 'error', error: { type, message } });
const classOf = (status: number, body: unknown) =>
  classifyStatus(status, {}, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))).class;

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  openai: [
    [400, error({ type: 'invalid_request_error', code: 'invalid_value' }), 'caller'],
    [400, error({ type: 'invalid_request_error', code: 'unsupported_parameter' }), 'unsupported'],
    [400, error({ type: 'invalid_request_error', code: 'unsupported_value' }), 'unsupported'],
    [400, error({ type: 'invalid_request_error', code: 'context_length_exceeded' }), 'context'],
    [400, error({ code: 'content_policy_violation' }), 'content_refused'],
    [401, error({ code: 'invalid_api_key' }), 'credential'],
    [403, error({ code: 'unsupported_country_region_territory' }), 'credential'],
    [404, error({ code: 'model_not_found' }), 'not_found'],
    [429, error({ type: 'requests', code: 'rate_limit_exceeded' }), 'rate_limited'],
    [429, error({ type: 'insufficient_quota', code: 'insufficient_quota' }), 'quota_exhausted'],
    [429, error({ code: 'billing_hard_limit_reached' }), 'quota_exhausted'],
    [500, error({ type: 'server_error' }), 'server'],
    [503, error({ type: 'server_error', message: 'The engine is currently overloaded' }), 'server'],
    [503, 'Service Unavailable', 'overloaded'],
  ],
  anthropic: [
    [400, anthropic('invalid_request_error'), 'caller'],
    [400, anthropic('invalid_request_error', 'Your credit balance is too low'), 'quota_exhausted'],
    [400, anthropic('invalid_request_error', 'prompt is too long: 200001 tokens > 200000'), 'context'],
    [401, anthropic('authentication_error'), 'credential'],
    [402, anthropic('billing_error'), 'quota_exhausted'],
    [403, anthropic('permission_error'), 'credential'],
    [404, anthropic('not_found_error'), 'not_found'],
    [413, anthropic('request_too_large'), 'context'],
    [429, anthropic('rate_limit_error'), 'rate_limited'],
    [429, error({ type: 'rate_limit_error', code: 'enforced_spend_limit_reached' }), 'quota_exhausted'],
    [429, anthropic('overloaded_error'), 'overloaded'],
    [500, anthropic('api_error'), 'server'],
    [504, anthropic('timeout_error'), 'server'],
    [529, anthropic('overloaded_error'), 'overloaded'],
  ],
  azure: [
    [400, error({ code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } }), 'content_refused'],
    [400, error({ code: 'ResponsibleAIPolicyViolation' }), 'content_refused'],
    [400, error({ code: 'OperationNotSupported' }), 'unsupported'],
    [401, error({ code: '401', message: 'Access denied due to invalid subscription key' }), 'credential'],
    [404, error({ code: 'DeploymentNotFound' }), 'not_found'],
    [429, error({ code: '429', message: 'Requests have exceeded call rate limit' }), 'rate_limited'],
    [500, error({ code: 'InternalServerError' }), 'server'],
    [503, error({ code: 'ServiceUnavailable' }), 'overloaded'],
  ],
  openrouter: [
    [400, error({ code: 400 }), 'caller'],
    [401, error({ code: 401, message: 'No cookie auth credentials found' }), 'credential'],
    [402, error({ code: 402, message: 'Insufficient credits' }), 'quota_exhausted'],
    [403, error({ code: 403, message: 'Your input was flagged', metadata: { reasons: ['x'] } }), 'content_refused'],
    [403, error({ code: 403, message: 'Key disabled' }), 'credential'],
    [408, error({ code: 408 }), 'server'],
    [429, error({ code: 429 }), 'rate_limited'],
    [502, error({ code: 502 }), 'server'],
    [503, error({ code: 503 }), 'overloaded'],
  ],
  groq: [
    [400, error({ code: 'tool_use_failed', failed_generation: '{' }), 'malformed'],
    [400, error({ code: 'json_validate_failed' }), 'malformed'],
    [400, error({ code: 'model_decommissioned' }), 'not_found'],
    [400, error({ code: 'organization_restricted' }), 'credential'],
    [404, error({ code: 'model_not_found' }), 'not_found'],
    [413, error({ code: 'rate_limit_exceeded', type: 'tokens' }), 'rate_limited'],
    [429, error({ code: 'rate_limit_exceeded' }), 'rate_limited'],
    [498, error({ code: 'flex_tier_capacity_exceeded' }), 'overloaded'],
    [498, '', 'overloaded'],
  ],
  deepseek: [
    [402, error({ message: 'Insufficient Balance', code: 'invalid_request_error' }), 'quota_exhausted'],
    [422, error({ code: 'invalid_request_error' }), 'caller'],
    [503, error({ message: 'Server overloaded' }), 'overloaded'],
  ],
  huggingface: [
    [402, { error: 'You have exceeded your monthly included credits' }, 'quota_exhausted'],
    [401, { error: 'Invalid username or password.' }, 'credential'],
    [400, { error: 'The requested model does not exist' }, 'not_found'],
    [503, { error: 'Model is currently loading', estimated_time: 20 }, 'overloaded'],
  ],
  mistral: [
    [400, { object: 'error', message: 'Invalid model: x', type: 'invalid_model', code: '1500' }, 'not_found'],
    [401, { message: 'Unauthorized', request_id: 'x' }, 'credential'],
    [422, { object: 'error', message: { detail: [] }, type: 'invalid_request_error', code: null }, 'caller'],
    [429, { message: 'Requests rate limit exceeded' }, 'rate_limited'],
    [429, { object: 'error', type: 'service_tier_capacity_exceeded', code: '3505' }, 'overloaded'],
  ],
  xai: [
    [400, { code: 'Client specified an invalid argument', error: 'Incorrect API key provided: xa***' }, 'credential'],
    [
      403,
      { code: 'The caller does not have permission', error: 'Your team does not have any credits yet' },
      'quota_exhausted',
    ],
    [404, { code: 'Some requested entity was not found', error: 'The model grok-x does not exist' }, 'not_found'],
    [429, { code: 'Too many requests', error: 'Rate limited' }, 'rate_limited'],
  ],
  cerebras: [
    [401, { message: 'Wrong API Key', type: 'invalid_request_error', code: 'wrong_api_key' }, 'credential'],
    [402, { code: 'payment_required' }, 'quota_exhausted'],
    [429, { message: 'x', type: 'too_many_requests_error', code: 'queue_exceeded' }, 'overloaded'],
    [429, { message: 'x', type: 'too_many_requests_error', code: 'token_quota_exceeded' }, 'rate_limited'],
  ],
  together: [
    [402, error({ code: 'credit_limit_exceeded' }), 'quota_exhausted'],
    [429, error({ type: 'model_rate_limit' }), 'rate_limited'],
  ],
  zai: [
    [400, error({ code: '1301', message: 'unsafe' }), 'content_refused'],
    [400, error({ code: '1211' }), 'not_found'],
    [400, error({ code: '1261' }), 'context'],
    [429, error({ code: '1113' }), 'quota_exhausted'],
    [429, error({ code: '1302' }), 'rate_limited'],
    [429, error({ code: '1305' }), 'overloaded'],
  ],
  fireworks: [
    [404, error({ code: 'NOT_FOUND' }), 'not_found'],
    [
      412,
      error({ message: 'Account acme is suspended, possibly due to reaching the monthly spending limit' }),
      'quota_exhausted',
    ],
  ],
  "servers of one's own": [
    [400, { object: 'error', message: "This model's maximum context length is 4096 tokens", code: 400 }, 'context'],
    [400, error({ type: 'exceed_context_size_error', code: 400 }), 'context'],
    [404, { object: 'error', message: 'The model `x` does not exist.', code: 404 }, 'not_found'],
    [404, error({ type: 'api_error', message: 'model "x" not found, try pulling it first' }), 'not_found'],
    [503, error({ type: 'unavailable_error', message: 'Loading model' }), 'overloaded'],
  ],
};

describe('codes of vendors', () => {
  it.each(Object.entries(ROWS).flatMap(([vendor, rows]) => rows.map((row) => [vendor, ...row] as const)))(
    '%s: %i with %j is %s',
    (_vendor, status, body, failureClass) => {
      expect(classOf(status, body)).toBe(failureClass);
    },
  );

  it('inside a 200 they mean the same', () => {
    expect(classifyBody(error({ code: 503 }), 200, 'no')).toMatchObject({
      class: 'overloaded',
      outcome: 'error_in_body',
    });
    expect(classifyBody(anthropic('overloaded_error'), 200, 'no')).toMatchObject({ class: 'overloaded' });
    expect(classifyBody(error({ code: 'insufficient_quota' }), 200, 'no')).toMatchObject({ class: 'quota_exhausted' });
    expect(classifyBody(anthropic('api_error'), 200, 'maybe')).toMatchObject({ class: 'server', billed: 'maybe' });
  });
});
