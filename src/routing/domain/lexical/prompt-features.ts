import { CUE_GROUPS, OPENERS } from './cues.js';

/** Version of everything below; an artefact of another version is not loaded. */
export const FEATURE_VERSION = 1;
/** Buckets of hashed words and pairs of words. */
export const BUCKETS = 1 << 14;

/** Characters that are read from either end of a prompt. */
const EDGE = 2_000;
const MAX_HITS = 400;
const SHAPE = 18;
const GROUPS = Object.values(CUE_GROUPS);
/** Numbers of a prompt's dense description. */
export const DENSE = SHAPE + 2 * GROUPS.length + OPENERS.length;

/** A prompt as numbers. */
export interface PromptFeatures {
  /** {@link DENSE} numbers: shape, cues (log count and share of words), openers. */
  readonly dense: Float64Array;
  /** Distinct buckets of words and pairs, ascending by first occurrence. */
  readonly buckets: Int32Array;
  /** `log(1 + count)` of each bucket, with the sign of its hash; of length 1 together. */
  readonly weights: Float64Array;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const DIGITS = 0x23a1b0c5;

function hashOf(word: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < word.length; i += 1) hash = Math.imul(hash ^ word.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** Mixes two hashes so that (a, b) and (b, a) differ. */
function pairOf(first: number, second: number): number {
  let mixed = Math.imul(first ^ (second >>> 15), 0x85ebca6b) ^ Math.imul(second, 0xc2b2ae35);
  mixed ^= mixed >>> 13;
  return Math.imul(mixed, 0x27d4eb2f);
}

/** Cue → groups it belongs to, by hash of the word or pair. */
const CUES = new Map<number, number[]>();
for (const [group, words] of GROUPS.entries()) {
  for (const word of new Set(words.split(' '))) {
    const [first = '', second] = word.length > 1 ? word.split('+') : [word];
    const hash = second === undefined ? hashOf(first) : pairOf(hashOf(first), hashOf(second));
    const known = CUES.get(hash);
    if (known === undefined) CUES.set(hash, [group]);
    else if (!known.includes(group)) known.push(group);
  }
}
const OPENER_OF = new Map(
  OPENERS.flatMap((words, index) => words.split(' ').map((word) => [hashOf(word), index] as const)),
);

/** Letters 1, digits 2, blanks 3, line ends 4, everything else 0; beyond ASCII {@link kindBeyond}. */
const KIND = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const sign = String.fromCharCode(code);
  KIND[code] = /[a-z]/i.test(sign) ? 1 : /\d/.test(sign) ? 2 : sign === '\n' ? 4 : /\s/.test(sign) ? 3 : 0;
}

/** Punctuation and signs of the blocks beyond ASCII that prompts use; the rest counts as letters. */
function kindBeyond(code: number): number {
  if (code < 0xc0) return code === 0xa0 ? 3 : 0;
  return (code >= 0x2010 && code <= 0x2bff) || (code >= 0x3000 && code <= 0x303f) ? 0 : 1;
}

/** Everything one pass over the text counts. */
class Scan {
  readonly tokens: number[] = [];
  readonly cues = new Int32Array(GROUPS.length);
  opener = -1;
  words = 0;
  letters = 0;
  longWords = 0;
  capitals = 0;
  digits = 0;
  numbers = 0;
  largest = 0;
  signs = 0;
  foreign = 0;
  lines = 1;
  longestLine = 0;
  sentences = 0;

  token(hash: number): void {
    const previous = this.tokens.at(-1);
    this.tokens.push(hash);
    this.#cue(CUES.get(hash));
    if (previous !== undefined) this.#cue(CUES.get(pairOf(previous, hash)));
  }

  word(hash: number, length: number): void {
    if (this.words === 0) this.opener = OPENER_OF.get(hash) ?? -1;
    this.words += 1;
    this.letters += length;
    if (length > 7) this.longWords += 1;
    this.token(hash);
  }

  number(value: number): void {
    this.numbers += 1;
    if (value > this.largest) this.largest = value;
    this.token(DIGITS);
  }

  #cue(groups: readonly number[] | undefined): void {
    if (groups === undefined) return;
    for (const group of groups) {
      const count = this.cues[group] ?? 0;
      if (count < MAX_HITS) this.cues[group] = count + 1;
    }
  }
}

function scanText(text: string): Scan {
  const scan = new Scan();
  let lineStart = 0;
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    const kind = code < 128 ? KIND[code] : kindBeyond(code);
    if (kind === 1) i = readWord(text, i, scan);
    else if (kind === 2) i = readNumber(text, i, scan);
    else {
      i += 1;
      if (kind === 4) {
        scan.lines += 1;
        scan.longestLine = Math.max(scan.longestLine, i - lineStart);
        lineStart = i;
      } else if (kind === 0) readSign(code, scan);
    }
  }
  scan.longestLine = Math.max(scan.longestLine, text.length - lineStart);
  return scan;
}

function readWord(text: string, start: number, scan: Scan): number {
  let hash = FNV_OFFSET;
  let i = start;
  for (; i < text.length; i += 1) {
    let code = text.charCodeAt(i);
    if ((code < 128 ? KIND[code] : kindBeyond(code)) !== 1) break;
    if (code >= 65 && code <= 90) {
      code += 32;
      scan.capitals += 1;
    } else if (code > 127) scan.foreign += 1;
    hash = Math.imul(hash ^ code, FNV_PRIME);
  }
  scan.word(hash, i - start);
  return i;
}

function readNumber(text: string, start: number, scan: Scan): number {
  let value = 0;
  let i = start;
  for (; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) break;
    value = value * 10 + code - 48;
  }
  scan.digits += i - start;
  scan.number(value);
  return i;
}

function readSign(code: number, scan: Scan): void {
  scan.signs += 1;
  if (code > 127) scan.foreign += 1;
  if (code === 46 || code === 63 || code === 33) scan.sentences += 1;
  scan.token(Math.imul(FNV_OFFSET ^ code, FNV_PRIME));
}

/** Describes a prompt: its first and last 2 000 characters, one pass, time linear in them. Pure; equal text, equal numbers. */
export function promptFeatures(prompt: string): PromptFeatures {
  const text = prompt.length <= 2 * EDGE ? prompt : `${prompt.slice(0, EDGE)}\n${prompt.slice(-EDGE)}`;
  const scan = scanText(text);
  const { distinct, buckets, weights } = hashedWords(scan.tokens);
  const { words } = scan;
  const chars = Math.max(1, text.length);
  const perWord = 1 / Math.max(1, words);
  const dense = new Float64Array(DENSE);
  dense.set([
    1,
    Math.log1p(prompt.length),
    Math.log1p(words),
    scan.letters * perWord,
    scan.digits / chars,
    scan.capitals / chars,
    scan.signs / chars,
    scan.foreign / chars,
    Math.log1p(scan.lines),
    Math.log1p(scan.longestLine),
    distinct / Math.max(1, scan.tokens.length),
    scan.longWords * perWord,
    Math.log1p(scan.sentences),
    Math.log1p(words / Math.max(1, scan.sentences)),
    Math.min(20, Math.log1p(scan.largest)),
    Math.log1p(scan.numbers),
    scan.numbers * perWord,
    Math.log1p(text.length / scan.lines),
  ]);
  for (let group = 0; group < GROUPS.length; group += 1) {
    const count = scan.cues[group] ?? 0;
    dense[SHAPE + 2 * group] = Math.log1p(count);
    dense[SHAPE + 2 * group + 1] = Math.min(2, count * perWord);
  }
  if (scan.opener >= 0) dense[SHAPE + 2 * GROUPS.length + scan.opener] = 1;
  return { dense, buckets, weights };
}

function hashedWords(tokens: readonly number[]): {
  readonly distinct: number;
  readonly buckets: Int32Array;
  readonly weights: Float64Array;
} {
  const counts = new Map<number, number>();
  let previous = 0;
  let distinct = 0;
  for (const [index, token] of tokens.entries()) {
    const known = counts.get(token);
    if (known === undefined) distinct += 1;
    counts.set(token, (known ?? 0) + 1);
    if (index > 0) {
      const pair = pairOf(previous, token);
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    previous = token;
  }
  return { distinct, ...signedBuckets(counts) };
}

/** Hashes counts into buckets; the sign of a hash lets two words of one bucket cancel rather than add up on average. */
function signedBuckets(counts: ReadonlyMap<number, number>): {
  readonly buckets: Int32Array;
  readonly weights: Float64Array;
} {
  const bucketed = new Map<number, number>();
  for (const [hash, count] of counts) {
    const mixed = pairOf(hash, 0x9e3779b9);
    const bucket = (mixed >>> 8) % BUCKETS;
    const weight = (mixed & 1) === 0 ? Math.log1p(count) : -Math.log1p(count);
    bucketed.set(bucket, (bucketed.get(bucket) ?? 0) + weight);
  }
  const buckets = Int32Array.from(bucketed.keys());
  const weights = Float64Array.from(bucketed.values());
  let square = 0;
  for (const weight of weights) square += weight * weight;
  const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
  for (let i = 0; i < weights.length; i += 1) weights[i] = (weights[i] ?? 0) * scale;
  return { buckets, weights };
}
