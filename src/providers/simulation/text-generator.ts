import { seededRandom } from '../../platform/ids/index.js';

/** Every text of a simulated partner begins with it, so that nobody takes it for an answer. */
export const SIMULATED_MARK = '[SIMULATED]';

const SUBJECTS = [
  'The first statement',
  'The account summary',
  'The second witness',
  'The call list',
  'The transfer of 14 March',
  'The rental contract',
  'The vehicle register',
  'The shipping note',
  'The chat export',
  'The invoice series',
];
const VERBS = [
  'agrees with',
  'contradicts',
  'comes before',
  'refers to',
  'is missing from',
  'repeats',
  'explains',
  'dates from the same week as',
];
const OBJECTS = [
  'the bank records',
  'the minutes of the interview',
  'the company register',
  'the photographs in folder 3',
  'the travel bookings',
  'the ledger of the branch office',
  'the e-mail of the accountant',
  'the customs declaration',
];
const ENDS = [
  '',
  ' in two places',
  ', which should be checked by hand',
  ', with one gap of nine days',
  ' except for the last page',
  ' and names the same three people',
  ', as far as the material shows',
];

/** An unsigned 32-bit hash of `text` for this `seed`; equal input, equal result, on every machine (FNV-1a, mixed). */
export function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** A made-up finding of 3 to 12 sentences that begins with {@link SIMULATED_MARK}; equal `seed` and `topic`, equal text. */
export function generateText(seed: number, topic: string): string {
  const random = seededRandom(seed);
  const sentences = Array.from({ length: 3 + Math.floor(random() * 10) }, () => sentence(random));
  const opening = topic === '' ? '' : ` On "${topic}":`;
  return `${SIMULATED_MARK}${opening} ${sentences.join(' ')}`;
}

/** Made-up intermediate thoughts of 2 to 6 sentences, marked like every other text. */
export function generateThinking(seed: number): string {
  const random = seededRandom(seed ^ 0x5eed);
  const sentences = Array.from({ length: 2 + Math.floor(random() * 5) }, () => sentence(random));
  return `${SIMULATED_MARK} Weighing the material. ${sentences.join(' ')}`;
}

/** The first words of a prompt, at most 48 characters, without quotes, line breaks or control characters. */
export function topicOf(prompt: string): string {
  return prompt
    .slice(0, 400)
    .replace(/[\p{C}\s"\\]+/gu, ' ')
    .trim()
    .slice(0, 48)
    .toWellFormed()
    .trim();
}

function sentence(random: () => number): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? '';
  return `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(OBJECTS)}${pick(ENDS)}.`;
}
