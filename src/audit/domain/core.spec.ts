import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';

import { canonical } from './canonical.js';
import { headsOf, leafHash, NO_HEADS } from './chain.js';
import { readCore } from './core-check.js';
import { writeCore } from './core.js';
import { rawPublicKey, verifierKey } from './note-key.js';
import { requirePublic } from './record-type.js';
import { tagOf } from './tag.js';

const id = '0199f3a2-7c1e-7b3a-8000-000000000001';
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => Buffer.from(array).toString('hex'));
const base64url = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => Buffer.from(array).toString('base64url'));
const parts = fc.record({
  id: fc.uuid(),
  type: fc.constantFrom('ai.attempt', 'log.genesis', 'override.created'),
  list: fc.uniqueArray(base64url(32), { maxLength: 16 }).map((digests) => digests.sort()),
  actorTag: fc.option(base64url(16)),
  caseTag: fc.option(base64url(16)),
  cfg: hex(32),
  durability: fc.constantFrom('strict' as const, 'relaxed' as const),
  pub: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.string(), fc.nat(), fc.boolean())),
  ref: fc.option(fc.uuid()),
});
const place = fc.record({
  log: fc.constant('audit.example/org/2026h2'),
  lane: fc.uuid(),
  n: fc.nat(),
  at: fc.constant('2026-11-22T15:00:00.123456Z'),
  heads: fc.oneof(fc.constant(NO_HEADS), fc.record({ sha256: hex(32), sha512: hex(64), sha3: hex(32) })),
});

describe('writeCore', () => {
  it('writes what the strict walker and the published package write, and what the reader accepts', () => {
    fc.assert(
      fc.property(parts, place, ({ list, pub, ...rest }, where) => {
        const core = writeCore({ ...rest, sd: JSON.stringify(list), pub: canonical(pub) }, where);
        const parsed = JSON.parse(core) as Parameters<typeof canonical>[0];
        expect(canonical(parsed)).toBe(core);
        expect(canonicalize(parsed)).toBe(core);
        expect(readCore(Buffer.from(core))).toMatchObject({
          id: rest.id,
          n: where.n,
          sd: list,
          pub: JSON.parse(canonical(pub)) as object,
          prev: where.heads,
        });
      }),
    );
  });
});

describe('published vectors (evidence page §2.4)', () => {
  it('tag of a case', () => {
    expect(tagOf(Buffer.alloc(32, 1), 'case', 'OP-ALDER')).toBe('JGwOAyNIfgfbVyTst3DVaw');
  });

  it('leaf hash', () => {
    expect(leafHash(Buffer.from('{"n":0,"v":"aip-audit/1"}')).toString('hex')).toBe(
      '3dada75ff02b2ac15ac355bfc7615fc1f1b6de16591f17536bf5d857ac1e2f13',
    );
  });

  it('root over two leaves', () => {
    const [left, right] = [0, 1].map((n) => leafHash(Buffer.from(`{"n":${String(n)},"v":"aip-audit/1"}`)));
    const root = createHash('sha256')
      .update(Buffer.from([1]))
      .update(left ?? '')
      .update(right ?? '')
      .digest('base64');
    expect(root).toBe('71IK4NWQOqH6m8F8dw408N6cSo0wJl9QV57k6+geJ+A=');
  });

  it('verifier key', () => {
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]);
    const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
    expect(verifierKey('audit.example/org/2026h2', rawPublicKey(key))).toBe(
      'audit.example/org/2026h2+80ed0b86+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs',
    );
  });
});

describe('leafHash', () => {
  it('is SHA-256 of a zero byte and the core, of any size', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 100, 65_534, 65_535, 65_536, 100_000), (size) => {
        const core = Buffer.alloc(size, 'x');
        const whole = createHash('sha256')
          .update(Buffer.from([0]))
          .update(core)
          .digest();
        expect(leafHash(core)).toEqual(whole);
      }),
    );
  });
});

describe('headsOf', () => {
  it('are the three digests', () => {
    const heads = headsOf('abc');
    expect(heads.sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(heads.sha3).toBe('3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532');
    expect(heads.sha512.slice(0, 16)).toBe('ddaf35a193617aba');
  });
});

describe('readCore', () => {
  const good = (): Record<string, unknown> => ({
    _sd: [],
    _sd_alg: 'sha-256',
    at: '2026-11-22T15:00:00.123456Z',
    cfg: '0'.repeat(64),
    dur: 'strict',
    id,
    lane: id,
    log: 'a/b/2026h2',
    n: 0,
    prev: { sha256: '', 'sha3-256': '', sha512: '' },
    pub: {},
    type: 'ai.attempt',
    v: 'aip-audit/1',
  });
  const read = (change: (core: Record<string, unknown>) => void): ReturnType<typeof readCore> => {
    const core = good();
    change(core);
    return readCore(Buffer.from(canonicalize(core) ?? ''));
  };

  it('accepts unknown types, unknown public fields and a checkpoint', () => {
    const core = read((it) => {
      Object.assign(it, { type: 'some.future-type', pub: { later: 1 }, cp: { size: 5, root: 'abc' } });
    });
    expect(core).toMatchObject({ type: 'some.future-type', pub: { later: 1 } });
  });

  it.each<[string, string, (core: Record<string, unknown>) => void]>([
    ['E_ALG', 'a digest is dropped from prev', (core) => (core['prev'] = { sha256: '', 'sha3-256': '' })],
    ['E_ALG', 'a digest is added to prev', (core) => (core['prev'] = { ...(core['prev'] as object), md5: '' })],
    ['E_ALG', 'a digest has another length', (core) => (core['prev'] = { sha256: 'ab', 'sha3-256': '', sha512: '' })],
    ['E_ALG', 'another commitment algorithm', (core) => (core['_sd_alg'] = 'sha-1')],
    ['E_ALG', 'no commitment algorithm', (core) => delete core['_sd_alg']],
    ['E_ALG', 'another version', (core) => (core['v'] = 'aip-audit/2')],
    ['E_SCHEMA', 'an unknown member', (core) => (core['extra'] = 1)],
    ['E_SCHEMA', 'no id', (core) => delete core['id']],
    ['E_SCHEMA', 'an id that is none', (core) => (core['id'] = 'x')],
    ['E_SCHEMA', 'a time without fractions', (core) => (core['at'] = '2026-11-22T15:00:00Z')],
    ['E_SCHEMA', 'a day that is none', (core) => (core['at'] = '2026-13-41T15:00:00.000000Z')],
    ['E_SCHEMA', 'a negative position', (core) => (core['n'] = -1)],
    ['E_SCHEMA', 'a short commitment', (core) => (core['_sd'] = ['abc'])],
    ['E_SCHEMA', 'pub that is no object', (core) => (core['pub'] = [])],
    ['E_SCHEMA', 'a checkpoint of another form', (core) => (core['cp'] = { size: 1 })],
    ['E_CANON', 'more than 32 KiB', (core) => (core['pub'] = { a: 'x'.repeat(33_000) })],
  ])('says %s when there is %s', (code, _, change) => {
    expect(read(change)).toBe(code);
  });

  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(['E_CANON', 'E_ALG', 'E_SCHEMA']).toContain(readCore(bytes));
        },
      ),
    );
  });
});

describe('requirePublic', () => {
  it('lets nothing become public that its type does not list', () => {
    expect(() => {
      requirePublic('ai.attempt', { req: id, user: 'ann' });
    }).toThrow('no public field user');
    requirePublic('override.created', { fields: [], id, kind: 'quota' });
  });
});
