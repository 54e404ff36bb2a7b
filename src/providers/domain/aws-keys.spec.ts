import { describe, expect, it } from '@jest/globals';

import { readAwsKeys } from './aws-keys.js';

const ID = 'AKIAIOSFODNN7EXAMPLE';
const KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const TOKEN = 'IQoJb3JpZ2luX2VjEXAMPLE+/==';
const temporary = { accessKeyId: ID, secretAccessKey: KEY, sessionToken: TOKEN };
const lasting = { ...temporary, sessionToken: undefined };

describe('keys of AWS', () => {
  it.each([
    ['two parts', `${ID}:${KEY}`, lasting],
    ['three parts', ` ${ID}:${KEY}:${TOKEN}\n`, temporary],
    ['JSON', JSON.stringify(temporary), temporary],
    ['JSON of temporary keys that are none', JSON.stringify({ ...lasting, sessionToken: null }), lasting],
    [
      'what the command line of AWS prints',
      JSON.stringify({ Credentials: { AccessKeyId: ID, SecretAccessKey: KEY, SessionToken: TOKEN, Expiration: 'x' } }),
      temporary,
    ],
  ])('are read from %s', (_name, text, keys) => {
    expect(readAwsKeys(text)).toEqual(keys);
  });

  it.each([
    ['one part', KEY],
    ['the parts the wrong way round', `${KEY}:${ID}`],
    ['four parts', `${ID}:${KEY}:${TOKEN}:x`],
    ['an empty key', `${ID}:`],
    ['a line break inside', `${ID}:${KEY}\nx:${TOKEN}`],
    ['JSON without a key', JSON.stringify({ accessKeyId: ID })],
    ['JSON with a number', JSON.stringify({ ...lasting, sessionToken: 7 })],
    ['broken JSON', '{"accessKeyId":'],
    ['nothing', ''],
  ])('are not read from %s', (_name, text) => {
    expect(readAwsKeys(text)).toBeUndefined();
  });
});
