import { estimateTokenCount } from 'tokenx';

/** Characters of one text that the estimator reads; longer texts are judged by slices of it. */
const MAX_READ = 16_384;
const SLICES = 8;
const SLICE = MAX_READ / SLICES;
/** A stretch without a blank this long and of mixed characters is base64, a hash or an identifier. */
const ODD_STRETCH = 20;
/** What reported counts exceed our own by, at the 99.9th percentile, until a model has its own figure. */
const DEFAULT_MARGIN_PERCENT = 125;
/** Role, separators and the like around one message. */
const TOKENS_PER_MESSAGE = 16;
/** Bytes of one token in the languages where tokens are shortest against their bytes. */
const BYTES_PER_OUTPUT_TOKEN = 3;

/** Tokens of a text by rules of thumb; stretches that are no ordinary words count one token per byte, because there the
 *  rules are up to 77 % low. Reads at most 16 384 characters: a longer text counts as if all of it were like its densest
 *  slice. Never above the UTF-8 length. */
export function estimateTokens(text: string): number {
  if (text.length === 0) return 0;
  const bytes = Buffer.byteLength(text);
  if (text.length <= MAX_READ) return Math.min(bytes, countStretches(text));
  let densest = 0;
  for (let index = 0; index < SLICES; index += 1) {
    const start = Math.floor(((text.length - SLICE) * index) / (SLICES - 1));
    densest = Math.max(densest, countStretches(text.slice(start, start + SLICE)));
  }
  return Math.min(bytes, Math.ceil((densest * text.length) / SLICE));
}

/** Splits a text into ordinary and odd stretches and counts each by its own rule. */
function countStretches(text: string): number {
  let tokens = 0;
  let ordinaryFrom = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index += 1) {
    if (index < text.length && text.charCodeAt(index) > 0x20) continue;
    if (index - start >= ODD_STRETCH && isOdd(text, start, index)) {
      tokens += estimateTokenCount(text.slice(ordinaryFrom, start)) + Buffer.byteLength(text.slice(start, index));
      ordinaryFrom = index;
    }
    start = index + 1;
  }
  return tokens + estimateTokenCount(ordinaryFrom === 0 ? text : text.slice(ordinaryFrom));
}

/** True when letters keep changing into digits or into the other case: words, paths and scripts without blanks do not. */
function isOdd(text: string, from: number, to: number): boolean {
  let changes = 0;
  let previous = 0;
  for (let index = from; index < to; index += 1) {
    const kind = kindOf(text.charCodeAt(index));
    if (kind !== 0 && previous !== 0 && kind !== previous) changes += 1;
    previous = kind;
  }
  return changes * 8 >= to - from || longestRun(text, from, to) >= 2 * ODD_STRETCH;
}

/** 1 lower-case letter, 2 capital, 3 digit, 0 anything else. */
function kindOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return 1;
  if (code >= 0x41 && code <= 0x5a) return 2;
  return code >= 0x30 && code <= 0x39 ? 3 : 0;
}

/** Longest run of ASCII letters and digits: no word has forty. */
function longestRun(text: string, from: number, to: number): number {
  let longest = 0;
  let run = 0;
  for (let index = from; index < to; index += 1) {
    run = kindOf(text.charCodeAt(index)) === 0 ? 0 : run + 1;
    if (run > longest) longest = run;
  }
  return longest;
}

/** Most tokens a provider can count for an input: `min(bytes + 16 per message, ⌈local count × margin⌉ + 16 per message)`.
 *  `marginPercent`: reported ÷ counted of the model, ≥ 102. Source: money page §4. */
export function inputBound(
  bytes: number,
  messages: number,
  localCount: number,
  marginPercent = DEFAULT_MARGIN_PERCENT,
): number {
  const frame = TOKENS_PER_MESSAGE * Math.max(1, messages);
  return Math.min(bytes, Math.ceil((localCount * Math.max(102, marginPercent)) / 100)) + frame;
}

/** Output tokens of an answer that broke off before the provider reported them, from the bytes that were received. Rather
 *  too many than too few, never above `bound`. */
export function countOutput(
  received: { readonly textBytes: number; readonly reasoningBytes: number },
  bound: number,
): { readonly output: number; readonly reasoning: number } {
  const output = Math.min(bound, Math.ceil(received.textBytes / BYTES_PER_OUTPUT_TOKEN));
  const reasoning = Math.min(bound - output, Math.ceil(received.reasoningBytes / BYTES_PER_OUTPUT_TOKEN));
  return { output, reasoning };
}
