import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { hashSecret, issueKey, looksLikeKey, parseKey } from './virtual-key.js';

const ZERO = issueKey({ live: true, idBytes: Buffer.alloc(8), secretBytes: Buffer.alloc(32) });
const FULL = issueKey({ live: false, idBytes: Buffer.alloc(8, 255), secretBytes: Buffer.alloc(32, 255) });

describe('virtual keys', () => {
  it('have the published shape, for the smallest and the largest random bytes', () => {
    expect(ZERO.text).toMatch(/^aip_live_0{55}[0-9A-Za-z]{6}$/);
    expect(FULL.text).toMatch(/^aip_test_[0-9A-Za-z]{61}$/);
    expect(FULL.publicId).toHaveLength(12);
  });

  it('read back as they were written', () => {
    const bytes = (length: number): fc.Arbitrary<Buffer> =>
      fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.boolean(), bytes(8), bytes(32), (live, idBytes, secretBytes) => {
        const issued = issueKey({ live, idBytes, secretBytes });
        const parts = parseKey(issued.text);
        expect(parts).toMatchObject({ live, publicId: issued.publicId });
        expect(hashSecret(parts?.secret ?? '')).toEqual(issued.secretSha256);
      }),
    );
  });

  it('are refused by their checksum after any one character changed', () => {
    for (let place = 0; place < FULL.text.length; place++) {
      const other = FULL.text[place] === 'a' ? 'b' : 'a';
      expect(parseKey(FULL.text.slice(0, place) + other + FULL.text.slice(place + 1))).toBeUndefined();
    }
  });

  it('are refused when cut, lengthened, padded or of another kind', () => {
    expect(parseKey(FULL.text.slice(0, -1))).toBeUndefined();
    expect(parseKey(`${FULL.text}0`)).toBeUndefined();
    expect(parseKey(` ${FULL.text}`)).toBeUndefined();
    expect(parseKey(FULL.text.replace('aip_test_', 'aip_live_'))).toBeUndefined();
    expect(parseKey('')).toBeUndefined();
    expect(looksLikeKey('sk-something')).toBe(false);
  });

  it('are made of 8 and 32 bytes, no fewer', () => {
    expect(() => issueKey({ live: true, idBytes: Buffer.alloc(7), secretBytes: Buffer.alloc(32) })).toThrow(RangeError);
    expect(() => issueKey({ live: true, idBytes: Buffer.alloc(8), secretBytes: Buffer.alloc(31) })).toThrow(RangeError);
  });
});
