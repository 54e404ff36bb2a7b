import { describe, expect, it } from '@jest/globals';

import type { AccessTokenClaims } from './domain/access-token.js';
import { TokenCache } from './token-cache.js';

function claims(expiresAtMs: number): AccessTokenClaims {
  return { id: 'id', subject: 'user', own: true, roles: [], scope: null, expiresAtMs };
}

describe('TokenCache', () => {
  it('knows a token by its whole text, until it expires', () => {
    const cache = new TokenCache();
    cache.keep('header.payload.signature', claims(1_000));
    expect(cache.find('header.payload.signature', 999)?.id).toBe('id');
    expect(cache.find('header.payload.other', 999)).toBeUndefined();
    expect(cache.find('header.payload.signature', 1_000)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('holds 10 000 tokens and lets the one unused for longest go', () => {
    const cache = new TokenCache();
    for (let count = 0; count < 10_000; count++) cache.keep(String(count), claims(1_000));
    expect(cache.find('0', 0)).toBeDefined();
    cache.keep('one more', claims(1_000));
    expect(cache.size).toBe(10_000);
    expect(cache.find('0', 0)).toBeDefined();
    expect(cache.find('1', 0)).toBeUndefined();
  });
});
