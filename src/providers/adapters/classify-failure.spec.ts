import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { classifyBody, classifyStatus } from './classify-failure.js';
import { scrubMessage } from './public-message.js';

const classify = (status: number, body: unknown, headers = {}) =>
  classifyStatus(status, headers, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const error = (more: object) => ({ error: { message: 'Something', ...more } });

describe('classifyStatus', () => {
  it.each([
    [500, '', 'server', 'http_error'],
    [522, '<html>', 'server', 'http_error'],
    [503, '', 'overloaded', 'http_error'],
    [498, '', 'overloaded', 'http_error'],
    [429, '', 'rate_limited', 'rate_limited'],
    [429, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded', 'rate_limited'],
    [429, error({ code: 'insufficient_quota' }), 'quota_exhausted', 'rate_limited'],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'Your credit balance is too low' } },
      'quota_exhausted',
      'http_error',
    ],
    [402, '', 'quota_exhausted', 'http_error'],
    [401, error({ code: 401 }), 'credential', 'http_error'],
    [403, { type: 'error', error: { type: 'permission_error', message: 'no' } }, 'credential', 'http_error'],
    [
      400,
      error({ status: 'INVALID_ARGUMENT', message: 'API key not valid. Please pass a valid API key.' }),
      'credential',
      'http_error',
    ],
    [404, error({ code: 'DeploymentNotFound' }), 'not_found', 'http_error'],
    [404, error({ code: 'model_not_found' }), 'not_found', 'http_error'],
    [400, error({ code: 'context_length_exceeded' }), 'context', 'http_error'],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 9 > 8' } },
      'context',
      'http_error',
    ],
    [413, '', 'context', 'http_error'],
    [400, error({ code: 'unsupported_value' }), 'unsupported', 'http_error'],
    [
      400,
      error({ code: null, message: 'Web search options not supported with this model.' }),
      'unsupported',
      'http_error',
    ],
    [400, { object: 'error', message: 'bad', code: 400 }, 'caller', 'http_error'],
    [422, { detail: [{ loc: ['body'], msg: 'Field required' }] }, 'caller', 'http_error'],
    [400, error({ code: 'content_filter' }), 'content_refused', 'content_refused'],
    [302, '', 'malformed', 'malformed'],
  ])('%i with %j is %s', (status, body, failureClass, outcome) => {
    expect(classify(status, body)).toMatchObject({ class: failureClass, outcome, status, billed: 'no' });
  });

  it('tells the text of the vendor only where it is about the request', () => {
    expect(classify(422, { detail: [{ msg: 'Field required' }] }).publicMessage).toBe('Field required');
    expect(classify(401, error({ message: 'Incorrect API key provided: sk-abcdef12' })).publicMessage).toBe(
      'it refused our credential',
    );
    expect(classify(500, error({ message: 'stack at node-7.internal' })).publicMessage).toBe(
      'it had an internal error',
    );
  });

  it('takes Retry-After along', () => {
    expect(classify(429, '', { 'retry-after': '2' }).retryAfterMs).toBe(2_000);
  });

  it('no header and no body makes it throw', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 999 }),
        fc.dictionary(fc.string(), fc.string()),
        fc.json(),
        (status, headers, body) => {
          expect(classify(status, body, headers).publicMessage.length).toBeLessThanOrEqual(500);
        },
      ),
    );
  });
});

describe('classifyBody', () => {
  it('tells an error inside a success by its body', () => {
    const groq = {
      error: {
        message: 'Tool call validation failed',
        type: 'invalid_request_error',
        code: 'tool_use_failed',
        status_code: 400,
      },
    };
    expect(classifyBody(groq, 200, 'maybe')).toMatchObject({
      class: 'malformed',
      outcome: 'error_in_body',
      vendorCode: 'tool_use_failed',
      billed: 'maybe',
    });
    expect(classifyBody({ error: { code: 429, message: 'slow down' } }, 200, 'no')).toMatchObject({
      class: 'rate_limited',
      outcome: 'error_in_body',
    });
    expect(classifyBody({ error: 'broken' }, 200, 'no')).toMatchObject({ class: 'server' });
  });
});

describe('scrubMessage', () => {
  it.each([
    ['Error while downloading https://intranet.example/a?key=1.', 'Error while downloading [address]'],
    ['Incorrect API key provided: sk-proj-abc123.', 'Incorrect API key provided: [secret]'],
    ['organization org-AbCdEf123456 is off', 'organization [id] is off'],
    ['write to help@vendor.example', 'write to [mail]'],
    ['at 10.0.0.7 failed', 'at [address] failed'],
    ['a\n\tb\u202Ec', 'a b c'],
    ["Invalid 'messages[3]'. Content blocks are expected", "Invalid 'messages[3]'. Content blocks are expected"],
  ])('%j becomes %j', (text, clean) => {
    expect(scrubMessage(text)).toBe(clean);
  });

  it('is at most 500 characters', () => {
    expect(scrubMessage('word '.repeat(400))).toHaveLength(500);
  });
});
