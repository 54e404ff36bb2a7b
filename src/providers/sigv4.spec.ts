import { describe, expect, it } from '@jest/globals';

import { amzDate, signV4, type SignableRequest } from './sigv4.js';

/** The keys of AWS's own published test suite; they open nothing. */
const KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
};
const SUITE = { region: 'us-east-1', service: 'service', date: '20150830T123600Z' };
const BEDROCK = { region: 'us-east-1', service: 'bedrock', date: '20260101T000000Z' };
const BODY = Buffer.from('{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}');

const asked = (more: Partial<SignableRequest> = {}): SignableRequest => ({
  method: 'GET',
  host: 'example.amazonaws.com',
  path: '/',
  headers: {},
  body: null,
  ...more,
});
const authorization = (...asked: Parameters<typeof signV4>): string => signV4(...asked)['authorization'] ?? '';
const signature = (...asked: Parameters<typeof signV4>): string | undefined =>
  /Signature=([0-9a-f]{64})$/.exec(authorization(...asked))?.[1];

describe('signatures of AWS, version 4', () => {
  it.each([
    ['get-vanilla', asked(), '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', asked({ method: 'POST' }), '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      asked({ path: '/?Param2=value2&Param1=value1' }),
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-x-www-form-urlencoded',
      asked({
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from('Param1=value1'),
      }),
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('are those of the published test suite: %s', (_name, request, wanted) => {
    expect(signature(request, KEYS, SUITE)).toBe(wanted);
  });

  it('sign a colon of the model, %3A on the wire, as %253A', () => {
    const request = asked({
      method: 'POST',
      host: 'bedrock-runtime.us-east-1.amazonaws.com',
      path: '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream',
      headers: { 'content-type': 'application/json' },
      body: BODY,
    });
    expect(authorization(request, KEYS, BEDROCK)).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, ' +
        'SignedHeaders=content-type;host;x-amz-date, ' +
        'Signature=06625663588323e4874072a0bdc7d27c81577028e20aec175eb6509004378a6b',
    );
    const once = { ...request, path: '/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse-stream' };
    expect(signature(once, KEYS, BEDROCK)).not.toBe(signature(request, KEYS, BEDROCK));
  });

  it('sign the slash of an ARN and the token of temporary keys', () => {
    const request = asked({
      method: 'POST',
      host: 'bedrock-runtime.eu-central-1.amazonaws.com',
      path: '/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A111122223333%3Aapplication-inference-profile%2Fabc/converse',
      headers: { 'content-type': 'application/json' },
      body: BODY,
    });
    const keys = { ...KEYS, sessionToken: 'FQoGZXIvYXdzEXAMPLE==' };
    const headers = signV4(request, keys, { ...BEDROCK, region: 'eu-central-1' });
    expect(headers).toMatchObject({
      'x-amz-date': '20260101T000000Z',
      'x-amz-security-token': 'FQoGZXIvYXdzEXAMPLE==',
    });
    expect(headers['authorization']).toMatch(
      /SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=f75eb9e54f8d47bfb465164afd3adeb2e866047bfa5df056d7f28cf58433459d$/,
    );
  });

  it('sort a query by name and value', () => {
    const request = asked({
      host: 'bedrock.us-east-1.amazonaws.com',
      path: '/foundation-models?byProvider=x%20y&a=2&a=1&A=3',
    });
    expect(signature(request, KEYS, BEDROCK)).toBe('1da87045732dd1b3a0780bfbfc675f37f9e55042ff92206c708eed6e6a4f74da');
  });

  it('leave out headers that a proxy may change', () => {
    const plain = asked({ headers: { 'content-type': 'application/json' } });
    const more = asked({
      headers: { 'content-type': ' application/json ', 'x-request-id': 'r', accept: '*/*', connection: 'close' },
    });
    expect(authorization(more, KEYS, SUITE)).toBe(authorization(plain, KEYS, SUITE));
  });

  it('write instants without fractions', () => {
    expect(amzDate(Date.parse('2015-08-30T12:36:00.987Z'))).toBe('20150830T123600Z');
  });
});
