import { describe, expect, it } from '@jest/globals';

import { classifyRefusal } from './exceptions.js';

const refused = (status: number, body: unknown, headers = {}) =>
  classifyRefusal(status, headers, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

describe('refusals of Bedrock', () => {
  it.each([
    [429, 'ThrottlingException', 'rate_limited', 'rate_limited'],
    [400, 'ServiceQuotaExceededException', 'quota_exhausted', 'http_error'],
    [429, 'ModelNotReadyException', 'overloaded', 'rate_limited'],
    [503, 'ServiceUnavailableException', 'overloaded', 'http_error'],
    [500, 'InternalServerException', 'server', 'http_error'],
    [424, 'ModelErrorException', 'server', 'http_error'],
    [408, 'ModelTimeoutException', 'server', 'http_error'],
    [403, 'AccessDeniedException', 'credential', 'http_error'],
    [403, 'UnrecognizedClientException', 'credential', 'http_error'],
    [403, 'InvalidSignatureException', 'credential', 'http_error'],
    [400, 'ExpiredTokenException', 'credential', 'http_error'],
    [404, 'ResourceNotFoundException', 'not_found', 'http_error'],
    [400, 'ValidationException', 'caller', 'http_error'],
  ])('%i %s is %s', (status, name, failureClass, outcome) => {
    const expected = { class: failureClass, outcome, status, vendorCode: name, billed: 'no' };
    const address = 'http://internal.amazon.com/coral/com.amazon.bedrock/';
    expect(refused(status, { message: 'no' }, { 'x-amzn-errortype': `${name}:${address}` })).toMatchObject(expected);
    expect(refused(status, { __type: `com.amazon.coral.service#${name}`, Message: 'no' })).toMatchObject(expected);
  });

  it.each([
    ['Input is too long for requested model.', 'context'],
    ['prompt is too long: 210000 tokens > 200000 maximum', 'context'],
    ["This model doesn't support the toolConfig.toolChoice.any field.", 'unsupported'],
    ['The maximum tokens you requested exceeds the model limit of 4096.', 'unsupported'],
    ["Invocation of model ID x with on-demand throughput isn't supported.", 'not_found'],
    ['The provided model identifier is invalid.', 'not_found'],
    ['messages: roles must alternate', 'caller'],
  ])('the text of a validation decides: %s', (message, failureClass) => {
    const named = refused(400, { message }, { 'x-amzn-errortype': 'ValidationException' });
    expect(named).toMatchObject({ class: failureClass, vendorCode: 'ValidationException' });
    expect(refused(400, { message })).toMatchObject({ class: failureClass, vendorCode: null });
  });

  it('a spent day is no rate limit, and the end of a model no missing address', () => {
    const throttled = { 'x-amzn-errortype': 'ThrottlingException' };
    expect(
      refused(429, { message: 'Too many tokens per day, please wait before trying again.' }, throttled).class,
    ).toBe('quota_exhausted');
    expect(refused(429, { message: 'Too many tokens, please wait before trying again.' }, throttled).class).toBe(
      'rate_limited',
    );
    expect(refused(404, { message: 'This model version has reached the end of its life.' }).class).toBe('not_found');
  });

  it('what is no error of Bedrock is told by its status, and nothing throws', () => {
    expect(refused(502, '<html>').class).toBe('server');
    expect(refused(403, '').class).toBe('credential');
    expect(refused(429, '[]', { 'retry-after': '7' })).toMatchObject({ class: 'rate_limited', retryAfterMs: 7_000 });
    expect(refused(418, { message: 'x' }, { 'x-amzn-errortype': 'constructor' }).class).toBe('caller');
  });

  it('names no account and no address', () => {
    const message =
      'arn:aws:bedrock:us-east-1:111122223333:inference-profile/abc is not allowed at https://x.example/y';
    const { publicMessage } = refused(400, { message }, { 'x-amzn-errortype': 'ValidationException' });
    expect(publicMessage).not.toContain('x.example');
    expect(publicMessage).not.toContain('111122223333');
  });
});
