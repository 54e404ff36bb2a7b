import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';

import { canonical, decodeUtf8, isCanonical, type JsonValue } from './canonical.js';

const key = fc.oneof(fc.constantFrom('_sd', '_sd_alg'), fc.stringMatching(/^[A-Za-z][A-Za-z0-9.-]{0,12}$/));
const leaf = fc.oneof(
  fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.boolean(),
  fc.constant(null),
);
const { value: record } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));

describe('canonical', () => {
  it('writes what the published package for RFC 8785 writes', () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(canonical(value)).toBe(canonicalize(value));
      }),
    );
  });

  it('is read back as the same value, and is its only spelling', () => {
    fc.assert(
      fc.property(record, (value) => {
        const text = canonical(value);
        expect(JSON.parse(text)).toEqual(value);
        expect(isCanonical(text)).toBe(true);
        expect(isCanonical(` ${text}`)).toBe(false);
      }),
    );
  });

  const deep = (levels: number): JsonValue => (levels === 0 ? 1 : { a: deep(levels - 1) });

  it.each<[string, unknown, string]>([
    ['a fraction', { a: 1.5 }, '.a'],
    ['an unsafe integer', { a: 2 ** 53 }, '.a'],
    ['negative zero', { a: { b: -0 } }, '.a.b'],
    ['not a number', [0, NaN], '[1]'],
    ['undefined', { a: undefined }, '.a'],
    ['a date', { a: new Date(0) }, '.a'],
    ['a map', new Map(), 'the top'],
    // eslint-disable-next-line no-sparse-arrays -- the gap is the point
    ['a gap', { a: [1, , 2] }, '.a[1]'],
    ['a lone surrogate', { a: ['\ud800'] }, '.a[0]'],
    ['a key of the prototype', JSON.parse('{"__proto__":1}'), '.__proto__'],
    ['an underscore', { a_b: 1 }, '.a_b'],
    ['nine levels', deep(9), '.a.a.a.a.a.a.a.a.a'],
  ])('refuses %s and says where', (_, value, where) => {
    expect(() => canonical(value as JsonValue)).toThrow(`at ${where}`);
  });

  it('takes eight levels, counted from where the value will stand', () => {
    expect(canonical(deep(8))).toContain('1');
    expect(() => canonical(deep(8), 1)).toThrow('Deeper than 8 levels');
  });

  it.each([
    ['white space', '{"a": 1}'],
    ['key order', '{"b":1,"a":1}'],
    ['a key twice', '{"a":1,"a":1}'],
    ['3.0', '{"a":3.0}'],
    ['3e0', '{"a":3e0}'],
    ['2^53+1', '{"a":9007199254740993}'],
    ['-0', '{"a":-0}'],
    ['an escape nobody needs', '{"a":"\\u0041"}'],
    ['an escaped lone surrogate', '{"a":"\\ud800"}'],
    ['a byte order mark', '\ufeff{"a":1}'],
    ['carriage return', '{"a":1}\r'],
    ['a depth bomb', '['.repeat(100_000)],
    ['__proto__', '{"__proto__":1}'],
    ['nothing', ''],
  ])('does not accept %s', (_, text) => {
    expect(isCanonical(text)).toBe(false);
  });
});

describe('decodeUtf8', () => {
  it('reads only bytes that are the UTF-8 of their text', () => {
    expect(decodeUtf8(Buffer.from('Grüße'))).toBe('Grüße');
    expect(decodeUtf8(Buffer.from([0x22, 0xff, 0x22]))).toBeUndefined();
    expect(decodeUtf8(Buffer.from([0xc0, 0x80]))).toBeUndefined();
    expect(decodeUtf8(Buffer.from('\ufeffx'))).toBe('\ufeffx');
  });
});
