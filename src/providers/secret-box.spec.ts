import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';

import { afterAll, describe, expect, it } from '@jest/globals';

import { ProvidersConfig } from '../platform/config/index.js';
import { applySecret, isSecretHeader } from './auth.js';
import { hintOf, Secret, SecretBox, type SealPlace } from '../platform/secrets/index.js';

const CANARY = 'sk-canary-0123456789abcdef';
const PLACE: SealPlace = { kind: 'credential', id: 'c1', ownerId: 'p1', version: 1 };
const directory = mkdtempSync(path.join(tmpdir(), 'aip-box-'));

function boxOf(name: string, bytes: Buffer): SecretBox {
  const file = path.join(directory, name);
  writeFileSync(file, bytes, { mode: 0o600 });
  return new SecretBox(new ProvidersConfig(file, [], false));
}

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('secret box', () => {
  const box = boxOf('key', Buffer.alloc(32, 7));

  it('opens what it sealed, in the published format', () => {
    const sealed = box.seal(CANARY, PLACE);
    expect(sealed.bytes[0]).toBe(0x01);
    expect(sealed.bytes).toHaveLength(1 + 12 + Buffer.byteLength(CANARY) + 16);
    expect(sealed.bytes.includes(CANARY)).toBe(false);
    expect(box.open(sealed, PLACE).reveal()).toBe(CANARY);
  });

  it('never seals twice alike', () => {
    expect(box.seal(CANARY, PLACE).bytes.equals(box.seal(CANARY, PLACE).bytes)).toBe(false);
  });

  it.each([
    ['kind', { ...PLACE, kind: 'webhook' as const }],
    ['id', { ...PLACE, id: 'c2' }],
    ['provider', { ...PLACE, ownerId: 'p2' }],
    ['version', { ...PLACE, version: 2 }],
  ])('does not open a value copied to another %s', (_name, place) => {
    const sealed = box.seal(CANARY, PLACE);
    expect(() => box.open(sealed, place)).toThrow();
  });

  it('does not open changed bytes or another format', () => {
    const sealed = box.seal(CANARY, PLACE);
    for (const index of [0, 1, 13, sealed.bytes.length - 1]) {
      const bytes = Buffer.from(sealed.bytes);
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      expect(() => box.open({ ...sealed, bytes }, PLACE)).toThrow();
    }
    expect(() => box.open({ ...sealed, bytes: Buffer.of(1) }, PLACE)).toThrow('Not a sealed secret');
  });

  it('says which key is missing', () => {
    const sealed = box.seal(CANARY, PLACE);
    expect(() => boxOf('other', Buffer.alloc(32, 8)).open(sealed, PLACE)).toThrow(sealed.keyId);
    expect(() => boxOf('short', Buffer.alloc(31)).seal(CANARY, PLACE)).toThrow('exactly 32 bytes');
  });
});

describe('secret', () => {
  it('prints nothing, however it is printed', () => {
    const secret = new Secret(CANARY);
    const prints = [String(secret), JSON.stringify({ secret }), inspect({ secret }, { depth: 5, showHidden: true })];
    for (const print of [...prints, secret.toString(), inspect(new Error('x', { cause: secret }))]) {
      expect(print).not.toContain(CANARY);
    }
    expect(prints[1]).toBe('{"secret":"[secret]"}');
  });

  it('hints at long secrets only', () => {
    expect(hintOf('x'.repeat(19))).toBeNull();
    expect(hintOf(`${'x'.repeat(16)}1234`)).toBe('1234');
  });

  it('goes into the one header of its scheme', () => {
    const headersOf = (scheme: 'bearer' | 'header' | 'azure' | 'none'): Record<string, string> => {
      const headers: Record<string, string> = {};
      applySecret(headers, { scheme, headerName: 'x-goog-api-key' }, new Secret(CANARY));
      return headers;
    };
    expect(headersOf('bearer')).toEqual({ authorization: `Bearer ${CANARY}` });
    expect(headersOf('header')).toEqual({ 'x-goog-api-key': CANARY });
    expect(headersOf('azure')).toEqual({ 'api-key': CANARY });
    expect(headersOf('none')).toEqual({});
  });

  it('may not take the place of a header that the request needs', () => {
    expect(['x-api-key', 'api-key', 'authorization'].every(isSecretHeader)).toBe(true);
    expect(['host', 'content-type', 'X-Api-Key', 'a b', ''].some(isSecretHeader)).toBe(false);
  });
});
