import { describe, expect, it } from '@jest/globals';

import { promptFeatures } from '../lexical/prompt-features.js';
import { decodeHead, encodeHead, MAX_ARTEFACT } from './head-artefact.js';
import { outOfFold } from './out-of-fold.js';
import { trainHead, type JudgedPrompt } from './quality-head.js';

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gus', 'Hal', 'Ida', 'Jon'];
const judged = (text: string, score: number, task: string | null = null): JudgedPrompt => ({
  features: promptFeatures(text),
  task,
  score,
  weight: 1,
});
/** Answers about integrals are wrong, about rivers right. */
const rows = NAMES.flatMap((name) => [
  judged(`${name} asks for the integral of the polynomial.`, 0),
  judged(`${name} asks which river is the longest.`, 1),
]);

describe('trainHead', () => {
  it('learns which words a model fails at', () => {
    const head = trainHead(rows);
    const said = (text: string): number => head.predict(promptFeatures(text), null);
    expect(said('Zoe asks which river is the longest.')).toBeGreaterThan(0.65);
    expect(said('Zoe asks for the integral of the polynomial.')).toBeLessThan(0.35);
  });

  it('tells tasks apart that use the same words, and takes an unknown task as an average one', () => {
    const head = trainHead(
      NAMES.flatMap((name) => [
        judged(`${name} was here.`, 1, 'summarisation'),
        judged(`${name} was here.`, 0, 'translation'),
      ]),
    );
    const said = (task: string | null): number => head.predict(promptFeatures('Zoe was here.'), task);
    expect(said('summarisation')).toBeGreaterThan(0.6);
    expect(said('translation')).toBeLessThan(0.4);
    expect(said('unheard_of')).toBe(said(null));
  });

  it('makes the same bytes of the same rows', () => {
    const header = { model: 'm', n: rows.length, rowsDigest: 'a'.repeat(64) };
    expect(encodeHead(trainHead(rows), header).equals(encodeHead(trainHead(rows), header))).toBe(true);
  });

  it('refuses to learn from nothing', () => {
    expect(() => trainHead([])).toThrow(RangeError);
  });
});

describe('outOfFold', () => {
  it('judges a row by a head that never saw it', () => {
    const odd = [...rows, judged('Quixotic zephyrs jinx wyverns.', 0)];
    const inFold = trainHead(odd).predict(promptFeatures('Quixotic zephyrs jinx wyverns.'), null);
    expect(outOfFold(odd, 4).at(-1)).toBeGreaterThan(inFold + 0.05);
  });
});

describe('encodeHead and decodeHead', () => {
  const head = trainHead(rows.map((row) => ({ ...row, task: 'chat' })));
  const bytes = encodeHead(head, { model: 'gpt-5.4', n: 20, rowsDigest: 'b'.repeat(64) });

  it('keep every prediction and stay small', () => {
    const read = decodeHead(bytes);
    expect(bytes.length).toBeLessThanOrEqual(MAX_ARTEFACT);
    expect(read?.header).toEqual({ model: 'gpt-5.4', n: 20, rowsDigest: 'b'.repeat(64) });
    for (const { features } of rows) expect(read?.head.predict(features, 'chat')).toBe(head.predict(features, 'chat'));
  });

  it.each([
    ['one byte of the weights is another', (copy: Buffer) => (copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1)],
    ['the header is no JSON', (copy: Buffer) => copy.fill(0x7b, 4, 40)],
    ['the header claims to be huge', (copy: Buffer) => copy.writeUInt32BE(0xffffffff)],
  ])('load nothing when %s', (_, damage) => {
    const copy = Buffer.from(bytes);
    damage(copy);
    expect(decodeHead(copy)).toBeUndefined();
  });

  it('load nothing of a torn file', () => {
    expect(decodeHead(bytes.subarray(0, 3))).toBeUndefined();
    expect(decodeHead(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
  });
});
