import { describe, expect, it } from '@jest/globals';

import { matchExhibits, readExhibitNames } from './exhibits.js';
import { mediaTypeOf } from './media-type.js';

const ID = '0199f3a2-7c1e-7b3a-8000-000000000001';
const DIGEST = 'ab'.repeat(32);
const EXHIBIT = { documentId: ID, sha256: DIGEST, bytes: 3, mediaType: 'text/plain' };

describe('exhibits of a request', () => {
  it('are named by id or digest, in any case, each once', () => {
    expect(readExhibitNames([ID, ID.toUpperCase(), DIGEST.toUpperCase()])).toEqual({ ids: [ID], digests: [DIGEST] });
  });

  it('are at most 50, and nothing but ids and digests', () => {
    const many = Array.from({ length: 50 }, (_, count) => count.toString(16).padStart(64, '0'));
    expect(readExhibitNames(many).digests).toHaveLength(50);
    expect(() => readExhibitNames([...many, DIGEST])).toThrow('at most 50');
    expect(() => readExhibitNames([ID, '../etc'])).toThrow(
      expect.objectContaining({ code: 'invalid_value', facts: { param: 'aip.evidence.exhibits[1]' } }),
    );
  });

  it('must all be linked; one named twice counts once', () => {
    expect(matchExhibits({ ids: [ID], digests: [DIGEST] }, [EXHIBIT])).toEqual([EXHIBIT]);
    expect(() => matchExhibits({ ids: [ID], digests: [] }, [])).toThrow(
      expect.objectContaining({ code: 'investigation_forbidden' }),
    );
  });
});

describe('mediaTypeOf', () => {
  it('keeps type and subtype only', () => {
    expect(mediaTypeOf('Text/Plain; charset=utf-8')).toBe('text/plain');
    expect(mediaTypeOf('application/vnd.ms-excel')).toBe('application/vnd.ms-excel');
  });

  it.each([undefined, '', 'pdf', 'text/', 'text/html\r\nx: y', 'a/b/c'])('refuses %j', (header) => {
    expect(() => mediaTypeOf(header)).toThrow(expect.objectContaining({ code: 'unsupported_media_type' }));
  });
});
