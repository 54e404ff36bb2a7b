import { randomBytes } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { openTexts, packBlobs, sealTexts, unpackBlobs, type BlobBinding } from './vault-blob.js';

const dek = randomBytes(32);
const binding: BlobBinding = {
  origin: 'a/b/2026h2',
  recordId: '0199f3a2-7c1e-7b3a-8000-000000000001',
  class: 's',
  dekId: '0199f3a2-7c1e-7b3a-8000-000000000002',
};
const blob = (texts: readonly string[]): Parameters<typeof openTexts>[1] => ({
  index: 0,
  class: 's',
  dekId: binding.dekId,
  ...sealTexts(dek, texts, binding),
});

describe('vault blobs', () => {
  it('open with their key, record, class and log only', () => {
    const sealed = blob(['one', 'two']);
    expect(openTexts(dek, sealed, binding)).toEqual(['one', 'two']);
    expect(openTexts(randomBytes(32), sealed, binding)).toBeUndefined();
    for (const change of [{ origin: 'x' }, { recordId: 'x' }, { class: 'o' as const }, { dekId: 'x' }]) {
      expect(openTexts(dek, sealed, { ...binding, ...change })).toBeUndefined();
    }
  });

  it('do not open when any byte is changed', () => {
    const sealed = blob(['secret']);
    for (const part of ['nonce', 'sealed'] as const) {
      for (let index = 0; index < sealed[part].length; index += 1) {
        const bytes = Buffer.from(sealed[part]);
        bytes[index] = (bytes[index] ?? 0) ^ 1;
        expect(openTexts(dek, { ...sealed, [part]: bytes }, binding)).toBeUndefined();
      }
    }
  });

  it('are packed and unpacked without loss', () => {
    const one = fc.record({
      index: fc.nat({ max: 65_535 }),
      class: fc.constantFrom('o' as const, 's' as const),
      dekId: fc.uuid(),
      nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      sealed: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 10 }), (blobs) => {
        expect(unpackBlobs(packBlobs(blobs))).toEqual(blobs);
      }),
    );
  });

  it('are not read from cut or foreign bytes, and nothing throws', () => {
    const packed = packBlobs([blob(['one'])]);
    for (let length = 1; length < packed.length; length += 1) {
      expect(unpackBlobs(packed.subarray(0, length))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        unpackBlobs(Buffer.from(bytes));
      }),
    );
  });
});
