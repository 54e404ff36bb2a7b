import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { checkpointText, readCheckpoint } from './checkpoint.js';
import { NO_HEADS } from './chain.js';
import { openNote, readNote, writeLine, writeNote } from './note.js';
import { cosignedBytes, rawPublicKey, readVerifierKey, verifierKey, type NoteKey } from './note-key.js';
import { readProof, writeProof } from './proof.js';
import { readSeal, sealText } from './seal.js';

const ORIGIN = 'audit.example/org/2026h2';
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const keyFrom = (seed: number): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]), format: 'der', type: 'pkcs8' });
const keyOf = (name: string, secret: KeyObject, kind: 'note' | 'cosignature' = 'note'): NoteKey => {
  const key = readVerifierKey(verifierKey(name, rawPublicKey(createPublicKey(secret)), kind));
  if (key === undefined) throw new Error('unreadable');
  return key;
};

const secret = keyFrom(7);
const key = keyOf(ORIGIN, secret);
const root = Buffer.from('71IK4NWQOqH6m8F8dw408N6cSo0wJl9QV57k6+geJ+A=', 'base64');
const text = checkpointText({ origin: ORIGIN, size: 2, root });
const line = writeLine(key, sign(null, Buffer.from(text), secret));
const note = writeNote(text, [line]);

describe('a checkpoint', () => {
  it('is signed as in the published vector', () => {
    expect(key.vkey).toBe('audit.example/org/2026h2+80ed0b86+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs');
    expect(line.trim().split(' ')[2]).toBe(
      'gO0Lhngcs5QVI5FkSbodG0ew5akCBobZB+xA2Qp/vEgj++dWwxsxkHSIzsDj3ud+fDAXQJjE38xPavEsgKUoP8fP0gQ=',
    );
    expect(openNote(note, [key])).toMatchObject({ good: [{ key, atSeconds: null }], unknown: [] });
    expect(readCheckpoint(text)).toEqual({ origin: ORIGIN, size: 2, root });
  });

  it.each([
    ['a leading zero', text.replace('\n2\n', '\n02\n')],
    ['a size beyond the exact integers', text.replace('\n2\n', '\n9007199254740993\n')],
    ['a negative size', text.replace('\n2\n', '\n-2\n')],
    ['an extension line', `${text}more\n`],
    ['a missing line feed', text.slice(0, -1)],
    ['odd base64', text.replace('J+A=', 'J+B=')],
    ['a short root', text.replace('71IK', '')],
    ['no origin', text.slice(ORIGIN.length)],
    ['CRLF', text.replaceAll('\n', '\r\n')],
  ])('is not read with %s', (_, spoilt) => {
    expect(readCheckpoint(spoilt)).toBeUndefined();
  });
});

describe('a note', () => {
  it.each([
    ['control characters', note.replace('audit', 'au\tdit')],
    ['CRLF', note.replaceAll('\n', '\r\n')],
    ['no empty line', note.replace('\n\n', '\n')],
    ['a cut end', note.slice(0, -1)],
    ['an extra empty line', `${note}\n`],
    ['no signature', `${text}\n`],
    ['odd base64', note.replace('0gQ=', '0gR=')],
    ['a hyphen for the dash', note.replace('\u2014', '-')],
    ['a lone surrogate', note.replace('audit', '\ud800')],
    ['a signature line without a signature', writeNote(text, [`\u2014 ${ORIGIN} gO0L\n`])],
    [
      '10 000 signatures',
      writeNote(
        text,
        Array.from({ length: 10_000 }, () => line),
      ),
    ],
    ['its one signature twice', writeNote(text, [line, line])],
  ])('is refused for its form with %s', (_, spoilt) => {
    expect(openNote(spoilt, [key])).toBe('E_NOTE');
  });

  it('is refused whole for one wrong line of a known key, and passes over others', () => {
    const other = keyFrom(8);
    const forged = writeLine(key, sign(null, Buffer.from(text), other));
    const foreign = writeLine(keyOf('witness.example', other), sign(null, Buffer.from(text), other));
    expect(openNote(writeNote(text, [forged]), [key])).toBe('E_SIG');
    expect(openNote(writeNote(text, [foreign, forged]), [key])).toBe('E_SIG');
    expect(openNote(writeNote(text, [foreign, line]), [key])).toMatchObject({ good: [{ key }], unknown: [{}] });
    expect(openNote(note.replace('\n2\n', '\n3\n'), [key])).toBe('E_SIG');
  });

  it('carries a witness and its time; copied to another text it does not hold', () => {
    const witness = keyOf('witness.example', secret, 'cosignature');
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(1_764_000_000n);
    const payload = Buffer.concat([time, sign(null, cosignedBytes(text, 1_764_000_000), secret)]);
    const cosigned = writeNote(text, [line, writeLine(witness, payload)]);
    expect(openNote(cosigned, [key, witness])).toMatchObject({ good: [{}, { atSeconds: 1_764_000_000 }] });
    const copied = writeNote(text.replace('\n2\n', '\n3\n'), [writeLine(witness, payload)]);
    expect(openNote(copied, [witness])).toBe('E_SIG');
    time.writeBigUInt64BE(1_764_000_001n);
    const moved = writeLine(witness, Buffer.concat([time, payload.subarray(8)]));
    expect(openNote(writeNote(text, [moved]), [witness])).toBe('E_SIG');
  });

  it('is read without keys as it was written', () => {
    expect(readNote(note)).toMatchObject({ text, lines: [{ name: ORIGIN, keyId: '80ed0b86' }] });
  });
});

describe('a verifier key', () => {
  it.each(['', 'name', key.vkey.replace('80ed', '80ee'), key.vkey.replace('+Aep', '+Bep'), `${key.vkey}A`])(
    'is not read from "%s"',
    (vkey) => {
      expect(readVerifierKey(vkey)).toBeUndefined();
    },
  );
});

describe('a seal', () => {
  it('is read as it was written, and in no other spelling; it is no checkpoint', () => {
    const heads = { sha256: 'aa', sha512: 'bb', sha3: 'cc' };
    const lanes = [{ lane: '0199f3a2-0000-7000-8000-000000000002', n: 3, heads }];
    const seal = { log: ORIGIN, no: 0, size: 2, root: root.toString('base64'), time: '2026-11-22T15:00:00Z' };
    const written = sealText({ ...seal, lanes, before: NO_HEADS });
    expect(readSeal(written)).toEqual({ ...seal, lanes, before: NO_HEADS });
    expect(readCheckpoint(written)).toBeUndefined();
    expect(readSeal(written.replace('"no":0', '"no": 0'))).toBeUndefined();
    expect(readSeal(written.replace('"lane":', '"Lane":'))).toBeUndefined();
    expect(readSeal(text)).toBeUndefined();
  });
});

describe('a proof', () => {
  it('is read as it was written', () => {
    const proof = { index: 1, hashes: [root], checkpoint: note };
    expect(readProof(writeProof(proof))).toEqual(proof);
    expect(readProof(writeProof({ ...proof, hashes: [] }))).toEqual({ ...proof, hashes: [] });
  });

  it.each([
    ['another header', writeProof({ index: 1, hashes: [root], checkpoint: note }).replace('v1', 'v2')],
    ['a leading zero', writeProof({ index: 1, hashes: [root], checkpoint: note }).replace('index 1', 'index 01')],
    ['a short hash', writeProof({ index: 1, hashes: [root.subarray(1)], checkpoint: note })],
    ['64 hashes', writeProof({ index: 1, hashes: Array.from({ length: 64 }, () => root), checkpoint: note })],
    ['nothing behind it', 'c2sp.org/tlog-proof@v1\nindex 1\n'],
  ])('is not read with %s', (_, spoilt) => {
    expect(readProof(spoilt)).toBeUndefined();
  });
});
