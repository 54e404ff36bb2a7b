const HEADER = 'c2sp.org/tlog-proof@v1';
const HASH_BYTES = 32;
const MAX_LINES = 63;
const INDEX = /^index (0|[1-9]\d{0,15})$/;

/** Proof that a record is in a log, with the checkpoint it leads to. */
export interface TlogProof {
  readonly index: number;
  /** From the leaf upwards. */
  readonly hashes: readonly Buffer[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** Hashes as lines of base64. */
export function hashLines(hashes: readonly Buffer[]): string {
  return hashes.map((one) => `${one.toString('base64')}\n`).join('');
}

/** Reads lines of base64 hashes; undefined when one is malformed or there are more than `most`. Attacker-controlled. */
export function readHashLines(text: string, most = MAX_LINES): readonly Buffer[] | undefined {
  if (text === '') return [];
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : [];
  const hashes = lines.map((line) => Buffer.from(line, 'base64'));
  const isGood =
    lines.length > 0 &&
    lines.length <= most &&
    hashes.every((one, at) => one.length === HASH_BYTES && one.toString('base64') === lines[at]);
  return isGood ? hashes : undefined;
}

/** Source: C2SP tlog-proof. */
export function writeProof({ index, hashes, checkpoint }: TlogProof): string {
  return `${HEADER}\nindex ${String(index)}\n${hashLines(hashes)}\n${checkpoint}`;
}

/** Reads a proof; undefined when it is malformed. Attacker-controlled; never throws. */
export function readProof(text: string): TlogProof | undefined {
  const split = text.indexOf('\n\n');
  const [header, place = '', ...lines] = split < 0 ? [] : text.slice(0, split).split('\n');
  const index = Number(INDEX.exec(place)?.[1] ?? Number.NaN);
  const hashes = readHashLines(lines.map((line) => `${line}\n`).join(''));
  if (header !== HEADER || !Number.isSafeInteger(index) || hashes === undefined) return undefined;
  return { index, hashes, checkpoint: text.slice(split + 2) };
}
