import { canonical, decodeUtf8, parseCanonical, type JsonObject, type JsonValue } from './canonical.js';

/** Version of the bundle's layout. */
export const BUNDLE_FORMAT = 'aip-bundle/1';

/** Files of a bundle that its manifest does not list: the manifest itself, and what signs it. */
export const UNLISTED = ['manifest.json', 'export/record.json', 'export/record.tlog-proof', 'export/consistency.proof'];

/** `range`: every core. `stubs`: cores of the case, leaf hashes of all others. */
export type BundleMode = 'range' | 'stubs';

/** A file of the bundle and what it must be. */
export interface BundleFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly sha512: string;
  readonly sha3: string;
}

/** What a bundle says it holds. */
export interface BundleManifest {
  readonly origin: string;
  readonly mode: BundleMode;
  /** Indices of the tree: from the first to before the second, which is a checkpoint's size. */
  readonly range: { readonly from: number; readonly to: number };
  /** Tag of the case whose disclosures are open; null: of none. */
  readonly caseTag: string | null;
  readonly counts: {
    readonly cores: number;
    readonly stubs: number;
    readonly rows: number;
    readonly disclosed: number;
  };
  /** Verifier keys of whoever signed the notes inside. A recipient trusts them only when they are known otherwise. */
  readonly keys: readonly string[];
  /** Sorted by path. */
  readonly files: readonly BundleFile[];
  /** For people: what was asked for, by whom, for whom, why. */
  readonly about: JsonObject;
}

/** The bytes of a manifest. */
export function writeManifest({ files, range, counts, keys, ...rest }: BundleManifest): string {
  return canonical(
    {
      ...rest,
      bundle: BUNDLE_FORMAT,
      counts: { ...counts },
      files: files.map(({ sha3, ...file }) => ({ ...file, 'sha3-256': sha3 })),
      keys,
      range: { ...range },
    },
    0,
  );
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: JsonValue | undefined): value is number => typeof value === 'number' && value >= 0;
const isText = (value: JsonValue | undefined): value is string => typeof value === 'string';

function fileFrom(value: JsonValue): BundleFile | undefined {
  if (!isObject(value)) return undefined;
  const { path, bytes, sha256, sha512, 'sha3-256': sha3 } = value;
  if (!isText(path) || !isCount(bytes) || !isText(sha256) || !isText(sha512) || !isText(sha3)) return undefined;
  return { path, bytes, sha256, sha512, sha3 };
}

function countsFrom(value: JsonValue | undefined): BundleManifest['counts'] | undefined {
  if (!isObject(value)) return undefined;
  const { cores, stubs, rows, disclosed } = value;
  return isCount(cores) && isCount(stubs) && isCount(rows) && isCount(disclosed)
    ? { cores, stubs, rows, disclosed }
    : undefined;
}

function rangeFrom(value: JsonValue | undefined): BundleManifest['range'] | undefined {
  if (!isObject(value)) return undefined;
  const { from, to } = value;
  return isCount(from) && isCount(to) && from <= to ? { from, to } : undefined;
}

function listFrom<T>(value: JsonValue | undefined, read: (one: JsonValue) => T | undefined): readonly T[] | undefined {
  const list = Array.isArray(value) ? (value as readonly JsonValue[]).map(read) : [undefined];
  return list.every((one) => one !== undefined) ? list : undefined;
}

function manifestFrom(body: JsonObject): BundleManifest | undefined {
  const { origin, mode, caseTag = null, about } = body;
  const files = listFrom(body['files'], fileFrom);
  const keys = listFrom(body['keys'], (one) => (isText(one) ? one : undefined));
  const counts = countsFrom(body['counts']);
  const range = rangeFrom(body['range']);
  if (!isText(origin) || (mode !== 'range' && mode !== 'stubs') || !isObject(about)) return undefined;
  if (files === undefined || keys === undefined || counts === undefined || range === undefined) return undefined;
  return caseTag === null || isText(caseTag) ? { origin, mode, range, caseTag, counts, keys, files, about } : undefined;
}

/** Reads a manifest; undefined when it is malformed or spelt otherwise. Attacker-controlled; never throws. */
export function readManifest(bytes: Uint8Array): BundleManifest | undefined {
  const text = decodeUtf8(bytes);
  const body = text === undefined ? undefined : parseCanonical(text);
  if (text === undefined || !isObject(body) || body['bundle'] !== BUNDLE_FORMAT) return undefined;
  const manifest = manifestFrom(body);
  return manifest !== undefined && writeManifest(manifest) === text ? manifest : undefined;
}

/** One index of the tree: a core that is in the bundle, or only its leaf hash. */
export interface Position {
  readonly index: number;
  readonly lane: string;
  readonly n: number;
  /** 32 bytes. */
  readonly leaf: Buffer;
  readonly state: 'core' | 'stub';
}

/** First line of positions.csv, line feed included. */
export const POSITION_HEADER = 'index,lane,n,leaf,state\n';

const POSITION = /^(0|[1-9]\d{0,15}),([0-9a-f-]{36}),(0|[1-9]\d{0,15}),([0-9a-f]{64}),(core|stub)$/;

/** One line of positions.csv, line feed included. */
export function positionLine({ index, lane, n, leaf, state }: Position): string {
  return `${String(index)},${lane},${String(n)},${leaf.toString('hex')},${state}\n`;
}

/** Reads a line of positions.csv without its end; undefined when it is malformed. Attacker-controlled. */
export function readPosition(line: string): Position | undefined {
  const [, index, lane = '', n, leaf = '', state] = POSITION.exec(line) ?? [];
  if (index === undefined || n === undefined) return undefined;
  return {
    index: Number(index),
    lane,
    n: Number(n),
    leaf: Buffer.from(leaf, 'hex'),
    state: state === 'stub' ? 'stub' : 'core',
  };
}

/** One line of disclosures.jsonl, line feed included. */
export function disclosureLine(id: string, disclosures: readonly string[]): string {
  return `${canonical({ disclosures, id })}\n`;
}

/** Reads a line of disclosures.jsonl without its end. Attacker-controlled. */
export function readDisclosureLine(
  line: string,
): { readonly id: string; readonly texts: readonly string[] } | undefined {
  const value = parseCanonical(line);
  if (!isObject(value)) return undefined;
  const { id, disclosures } = value;
  const texts = Array.isArray(disclosures) ? (disclosures as readonly JsonValue[]) : [null];
  return isText(id) && texts.every(isText) ? { id, texts } : undefined;
}
