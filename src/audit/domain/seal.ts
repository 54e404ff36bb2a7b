import { canonical, parseCanonical, type JsonObject, type JsonValue } from './canonical.js';
import { headsOf, type Heads } from './chain.js';

const HEADER = 'aip-audit/seal/v1\n';

/** Where one lane stands. */
export interface SealedLane {
  readonly lane: string;
  /** Records that are in the tree. */
  readonly n: number;
  readonly heads: Heads;
}

/** A seal binds the three chains of every lane, and the seal before, under the log's signature: the tree knows SHA-256 only.
 *  It also proves that nothing happened when nothing did. */
export interface Seal {
  readonly log: string;
  readonly no: number;
  readonly size: number;
  /** Base64, as in the checkpoint of `size`. */
  readonly root: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Sorted by lane. A lane that was closed appears once more. */
  readonly lanes: readonly SealedLane[];
  /** Digests of the previous seal's note; empty on the first. */
  readonly before: Heads;
}

const digests = ({ sha256, sha512, sha3 }: Heads): JsonObject => ({ sha256, 'sha3-256': sha3, sha512 });

/** The note text of a seal: two lines, which no checkpoint has. */
export function sealText({ log, no, size, root, time, lanes, before }: Seal): string {
  const heads = lanes.map(({ lane, n, heads: own }) => ({ ...digests(own), lane, n }));
  return `${HEADER}${canonical({ heads, log, no, prevSeal: digests(before), root, size, time })}\n`;
}

/** What the next seal says of a seal's note. */
export function sealDigests(note: string): Heads {
  return headsOf(note);
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function headsFrom(value: JsonValue | undefined): Heads | undefined {
  if (!isObject(value)) return undefined;
  const { sha256, sha512, 'sha3-256': sha3 } = value;
  if (typeof sha256 !== 'string' || typeof sha512 !== 'string' || typeof sha3 !== 'string') return undefined;
  return { sha256, sha512, sha3 };
}

function laneFrom(value: JsonValue): SealedLane | undefined {
  const heads = headsFrom(value);
  if (heads === undefined || !isObject(value)) return undefined;
  const { lane, n } = value;
  return typeof lane === 'string' && typeof n === 'number' ? { lane, n, heads } : undefined;
}

/** Reads a seal's text; undefined when it is not written as {@link sealText} does. Attacker-controlled; never throws. */
export function readSeal(text: string): Seal | undefined {
  if (!text.startsWith(HEADER) || !text.endsWith('\n')) return undefined;
  const body = parseCanonical(text.slice(HEADER.length, -1));
  const seal = isObject(body) ? sealFrom(body) : undefined;
  return seal !== undefined && sealText(seal) === text ? seal : undefined;
}

function sealFrom({ log, no, size, root, time, heads, prevSeal }: JsonObject): Seal | undefined {
  const before = headsFrom(prevSeal);
  const lanes = Array.isArray(heads) ? (heads as readonly JsonValue[]).map((one) => laneFrom(one)) : [undefined];
  if (before === undefined || !lanes.every((one) => one !== undefined)) return undefined;
  if (typeof log !== 'string' || typeof root !== 'string' || typeof time !== 'string') return undefined;
  return typeof no === 'number' && typeof size === 'number' ? { log, no, size, root, time, lanes, before } : undefined;
}
