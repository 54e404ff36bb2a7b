import { hash } from 'node:crypto';

import { BUCKETS, DENSE, FEATURE_VERSION } from '../lexical/prompt-features.js';
import { QualityHead } from './quality-head.js';

/** What an artefact says about itself. */
export interface HeadHeader {
  /** Public model whose answers were judged. */
  readonly model: string;
  /** Verdicts it was learned from. */
  readonly n: number;
  /** SHA-256 over the training rows, hex. */
  readonly rowsDigest: string;
}

const FORMAT = 1;
const MAX_HEADER = 16_384;
const BODY = BUCKETS + 3 * 4 * DENSE;
/** An artefact is refused beyond this many bytes. */
export const MAX_ARTEFACT = 50_000;

interface WrittenHeader extends HeadHeader {
  readonly format: number;
  readonly features: number;
  readonly bucketScale: number;
  readonly constant: number;
  readonly tasks: readonly (readonly [string, number])[];
  readonly sha256: string;
}

/** Bytes of a head: length of the header (4 bytes, big endian), the header as JSON, bucket weights (int8), then means, scales and
 *  weights of the dense numbers (float32, little endian). About 18 KB. The header holds the SHA-256 of what follows it. */
export function encodeHead(head: QualityHead, { model, n, rowsDigest }: HeadHeader): Buffer {
  const { buckets, bucketScale, means, scales, dense, tasks, constant } = head.weights;
  const body = Buffer.alloc(BODY);
  body.set(Buffer.from(buckets.buffer, buckets.byteOffset, buckets.byteLength));
  const floats = [...means, ...scales, ...dense];
  for (const [index, value] of floats.entries()) body.writeFloatLE(value, BUCKETS + 4 * index);
  const written: WrittenHeader = {
    format: FORMAT,
    features: FEATURE_VERSION,
    model,
    n,
    rowsDigest,
    bucketScale,
    constant,
    tasks: [...tasks],
    sha256: hash('sha256', body, 'hex'),
  };
  const header = Buffer.from(JSON.stringify(written));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, body]);
}

/** Reads an artefact; undefined when it is damaged, of another feature version or too large: then the table decides alone. */
export function decodeHead(bytes: Buffer): { readonly head: QualityHead; readonly header: HeadHeader } | undefined {
  const length = bytes.length > 4 ? bytes.readUInt32BE(0) : 0;
  if (length === 0 || length > MAX_HEADER || bytes.length !== 4 + length + BODY) return undefined;
  const body = bytes.subarray(4 + length);
  const header = readHeader(bytes.subarray(4, 4 + length).toString('utf8'));
  if (header?.sha256 !== hash('sha256', body, 'hex')) return undefined;
  const floats = (part: number): Float32Array =>
    Float32Array.from({ length: DENSE }, (_, j) => body.readFloatLE(BUCKETS + 4 * (part * DENSE + j)));
  const head = new QualityHead({
    buckets: Int8Array.from(body.subarray(0, BUCKETS), (byte) => (byte << 24) >> 24),
    bucketScale: header.bucketScale,
    means: floats(0),
    scales: floats(1),
    dense: floats(2),
    tasks: new Map(header.tasks),
    constant: header.constant,
  });
  return { head, header: { model: header.model, n: header.n, rowsDigest: header.rowsDigest } };
}

function readHeader(text: string): WrittenHeader | undefined {
  try {
    const header = JSON.parse(text) as Partial<WrittenHeader> | null;
    return header?.format === FORMAT && header.features === FEATURE_VERSION ? (header as WrittenHeader) : undefined;
  } catch {
    return undefined; // Damaged: the caller goes on without it.
  }
}
