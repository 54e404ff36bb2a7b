import { describe, expect, it } from '@jest/globals';

import { readAccessToken, type AccessTokenClaims, type TrustedIssuer } from './access-token.js';

const OWN: TrustedIssuer = { issuer: 'urn:own', audience: 'urn:api', own: true, roleClaim: null, roleMap: {} };
const OUTSIDE: TrustedIssuer = {
  issuer: 'https://idp.example',
  audience: 'aip',
  own: false,
  roleClaim: '/realm~1access/roles',
  roleMap: { 'AIP-Lead': 'lead', 'AIP-Odd': 'emperor' },
};
const NOW = 1_800_000_000;
const PAYLOAD = {
  iss: 'urn:own',
  aud: 'urn:api',
  sub: 'user-1',
  client_id: 'aip',
  jti: 'token-1',
  iat: NOW,
  exp: NOW + 900,
};

function read(payload: object, header: object = { typ: 'at+jwt' }, now = NOW): AccessTokenClaims {
  return readAccessToken(
    { header: header as Record<string, unknown>, payload: payload as Record<string, unknown> },
    { nowMs: now * 1000, issuers: [OWN, OUTSIDE] },
  );
}

const OIDC = { ...PAYLOAD, iss: OUTSIDE.issuer, aud: ['other', 'aip'] };

describe('readAccessToken', () => {
  it('accepts our own token', () => {
    expect(read(PAYLOAD)).toEqual({
      id: 'token-1',
      subject: 'user-1',
      own: true,
      roles: [],
      scope: null,
      expiresAtMs: (NOW + 960) * 1000,
    });
  });

  it.each([
    ['an unknown issuer', { iss: 'urn:evil' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'urn:other' }],
    ['the outside audience on our own token', { aud: 'aip' }],
    ['no audience', { aud: undefined }],
    ['no subject', { sub: undefined }],
    ['no jti', { jti: '' }],
    ['no client_id', { client_id: undefined }],
    ['no exp', { exp: undefined }],
    ['an exp that is text', { exp: '1' }],
    ['no iat', { iat: undefined }],
    ['a life of one second too long', { exp: NOW + 3_601 }],
    ['an exp before iat', { exp: NOW - 1 }],
    ['an iat beyond the skew', { iat: NOW + 61 }],
    ['an nbf beyond the skew', { nbf: NOW + 61 }],
  ])('refuses %s', (_name, change) => {
    expect(() => read({ ...PAYLOAD, ...change })).toThrow(expect.objectContaining({ code: 'invalid_token' }));
  });

  it('allows clocks to differ by 60 seconds and no more', () => {
    expect(read(PAYLOAD, { typ: 'at+jwt' }, NOW + 959).id).toBe('token-1');
    expect(() => read(PAYLOAD, { typ: 'at+jwt' }, NOW + 960)).toThrow('expired');
    expect(read({ ...PAYLOAD, iat: NOW + 60, nbf: NOW + 60 }).id).toBe('token-1');
    expect(read({ ...PAYLOAD, exp: NOW + 3_600 }).id).toBe('token-1');
  });

  it('demands typ at+jwt of our own tokens, and refuses foreign types of others', () => {
    expect(read(PAYLOAD, { typ: 'application/AT+JWT' }).own).toBe(true);
    for (const header of [{}, { typ: 'JWT' }, { typ: 1 }]) expect(() => read(PAYLOAD, header)).toThrow('at+jwt');
    expect(read(OIDC, {}).own).toBe(false);
    expect(read(OIDC, { typ: 'JWT' }).own).toBe(false);
    expect(() => read(OIDC, { typ: 'logout+jwt' })).toThrow('at+jwt');
  });

  it('names outside users by issuer and subject, and takes azp for client_id', () => {
    expect(read({ ...OIDC, client_id: undefined, azp: 'console' }).subject).toBe('https://idp.example|user-1');
  });

  it('maps roles of the outside claim that are known, and no others', () => {
    const roles = ['AIP-Lead', 'AIP-Odd', 'admin', 7, '__proto__'];
    expect(read({ ...OIDC, 'realm/access': { roles } }).roles).toEqual(['lead']);
    expect(read({ ...OIDC, 'realm/access': { roles: 'AIP-Lead' } }).roles).toEqual(['lead']);
    expect(read({ ...OIDC, 'realm/access': null }).roles).toEqual([]);
    expect(read({ ...PAYLOAD, 'realm/access': { roles } }).roles).toEqual([]);
  });

  it('lets scope restrict: always in our own tokens, in outside ones only by names of ours', () => {
    expect(read({ ...PAYLOAD, scope: 'chat:write nonsense' }).scope).toEqual(['chat:write']);
    expect(read({ ...PAYLOAD, scope: 'openid' }).scope).toEqual([]);
    expect(read({ ...OIDC, scope: 'openid profile' }).scope).toBeNull();
    expect(read({ ...OIDC, scope: 'openid usage:read' }).scope).toEqual(['usage:read']);
  });
});
