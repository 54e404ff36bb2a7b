import { describe, expect, it } from '@jest/globals';

import { requireForm, tellingPart } from './credential-form.js';

const KEYS = 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

describe('secrets as their schemes need them', () => {
  it('refuses keys of AWS that are none, says what they look like, and nothing of the secret', () => {
    expect(() => {
      requireForm('sigv4', 'canary-secret');
    }).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        message: expect.stringMatching(/^(?!.*canary).*accessKeyId:secretAccessKey/) as unknown,
        facts: { param: 'secret' },
      }),
    );
    requireForm('sigv4', KEYS);
    requireForm('bearer', 'anything');
  });

  it('tells keys of AWS apart by their id, which is no secret', () => {
    expect(tellingPart('sigv4', KEYS)).toBe('AKIAIOSFODNN7EXAMPLE');
    expect(tellingPart('bearer', 'sk-1')).toBe('sk-1');
  });
});
