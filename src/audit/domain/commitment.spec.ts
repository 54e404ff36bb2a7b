import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { committedList, digestOf, openDisclosure, seal } from './commitment.js';

const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const decoy = (): Buffer => Buffer.from(fc.sample(fc.uint8Array({ minLength: 32, maxLength: 32 }), 1)[0] ?? []);

describe('seal', () => {
  it('gives the published digest', () => {
    // Source: evidence page §2.4, computed by an independent implementation.
    const sealed = seal({ class: 's', name: 'case.id', value: 'OP-ALDER' }, salt);
    expect(sealed.text).toBe('WyJBQUVDQXdRRkJnY0lDUW9MREEwT0R3IiwiY2FzZS5pZCIsIk9QLUFMREVSIl0');
    expect(sealed.digest).toBe('I5LNnCcCxSvQHcVRi67_61aeoIBNrLZ7ZuwYcL_Ufxs');
    expect(digestOf(sealed.text)).toBe(sealed.digest);
  });

  it('is opened to what was sealed, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (name, value) => {
        expect(openDisclosure(seal({ class: 'o', name, value }, salt).text)).toEqual({ name, value });
      }),
    );
  });
});

describe('openDisclosure', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64url');

  it.each([
    ['a short salt', encode('["AAEC","a",1]')],
    ['two parts', encode('["AAECAwQFBgcICQoLDA0ODw","a"]')],
    ['another spelling', encode('["AAECAwQFBgcICQoLDA0ODw", "a", 1]')],
    ['no JSON', encode('hello')],
    ['bytes that are no text', Buffer.from([0xff]).toString('base64url')],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(openDisclosure(text)).toBeUndefined();
  });
});

describe('committedList', () => {
  it('hides how many disclosures there are behind one length, sorted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), (count) => {
        const sealed = Array.from({ length: count }, (_, index) =>
          seal({ class: 's', name: 'a', value: index }, decoy()),
        );
        const list = committedList(sealed, 8, decoy);
        expect(list).toHaveLength(8);
        expect([...list].sort()).toEqual(list);
        expect(sealed.every(({ digest }) => list.includes(digest))).toBe(true);
        expect(list.every((digest) => /^[A-Za-z0-9_-]{43}$/.test(digest))).toBe(true);
      }),
    );
  });

  it('refuses more disclosures than the type hides', () => {
    const two = [1, 2].map((value) => seal({ class: 's', name: 'a', value }, decoy()));
    expect(() => committedList(two, 1, decoy)).toThrow('2 disclosures do not fit');
  });
});
