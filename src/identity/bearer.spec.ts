import { describe, expect, it } from '@jest/globals';

import { AppError } from '../platform/errors/index.js';
import { bearerToken, Challenges } from './bearer.js';

const CHALLENGES = new Challenges('http://127.0.0.1:4100/');
const REALM = 'Bearer realm="aip", resource_metadata="http://127.0.0.1:4100/.well-known/oauth-protected-resource"';

function refusalOf(authorization: string | undefined): { code: string; challenge: string | undefined } {
  try {
    bearerToken(authorization, CHALLENGES);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, challenge: error.facts.headers?.['www-authenticate'] };
  }
  throw new Error('Not refused');
}

describe('bearerToken', () => {
  it('takes the token of any spelling of the scheme', () => {
    expect(bearerToken('Bearer abc.def-_~+/=', CHALLENGES)).toBe('abc.def-_~+/=');
    expect(bearerToken('bearer  abc', CHALLENGES)).toBe('abc');
  });

  it.each([undefined, '', 'Basic dXNlcjpwYXNz'])('challenges without an error when no token came (%s)', (header) => {
    expect(refusalOf(header)).toEqual({ code: 'missing_credentials', challenge: REALM });
  });

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b', 'Bearer ä', `Bearer ${'a'.repeat(16_384)}`])(
    'calls a malformed header an invalid request (case %#)',
    (header) => {
      expect(refusalOf(header)).toEqual({ code: 'invalid_value', challenge: `${REALM}, error="invalid_request"` });
    },
  );

  it('names the scope that is missing', () => {
    const { facts, code } = CHALLENGES.insufficient(['chat:write']);
    expect(code).toBe('insufficient_scope');
    expect(facts.headers?.['www-authenticate']).toBe(`${REALM}, error="insufficient_scope", scope="chat:write"`);
  });
});
