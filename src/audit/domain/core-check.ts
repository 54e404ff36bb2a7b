import { decodeUtf8, parseCanonical, type JsonObject } from './canonical.js';
import type { Heads } from './chain.js';
import { FORMAT, MAX_CORE_BYTES } from './core.js';

/** A core that was read: its own fields, each of the right form. */
export interface ReadCore {
  readonly id: string;
  readonly type: string;
  readonly at: string;
  readonly log: string;
  readonly lane: string;
  readonly n: number;
  readonly sd: readonly string[];
  readonly actorTag: string | undefined;
  readonly caseTag: string | undefined;
  readonly ref: string | undefined;
  readonly pub: JsonObject;
  readonly durability: string;
  readonly prev: Heads;
  /** The checkpoint that the writer had seen; root in base64. */
  readonly cp: { readonly size: number; readonly root: string } | undefined;
}

/** Why bytes are no core. Source: evidence page §10. */
export type CoreFault = 'E_CANON' | 'E_ALG' | 'E_SCHEMA';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[A-Za-z0-9_-]{22}$/;
const COMMITMENT = /^[A-Za-z0-9_-]{43}$/;
const HEX_64 = /^(?:[0-9a-f]{64})?$/;
const HEX_128 = /^(?:[0-9a-f]{128})?$/;
const MAX_COMMITMENTS = 64;

const REQUIRED_TEXTS: Readonly<Record<string, RegExp>> = {
  at: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/,
  cfg: /^[0-9a-f]{64}$/,
  dur: /^(?:strict|relaxed)$/,
  id: UUID,
  lane: UUID,
  log: /^.{1,255}$/u,
  type: /^[a-z][a-z0-9._-]{0,63}$/,
};
const OPTIONAL_TEXTS: Readonly<Record<string, RegExp>> = { actorTag: TAG, caseTag: TAG, ref: UUID };
const OTHERS = ['_sd', '_sd_alg', 'cp', 'n', 'prev', 'pub', 'v'];
const MEMBERS = new Set([...Object.keys(REQUIRED_TEXTS), ...Object.keys(OPTIONAL_TEXTS), ...OTHERS]);

type Members = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const matches = (value: unknown, form: RegExp): boolean => typeof value === 'string' && form.test(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Algorithms are fixed by the version: exactly three digests in `prev`, SHA-256 in `_sd_alg`. */
function hasAlgorithms({ v, _sd_alg: alg, prev }: Members): boolean {
  if (v !== FORMAT || alg !== 'sha-256' || !isPlain(prev)) return false;
  return (
    Object.keys(prev).length === 3 &&
    matches(prev['sha256'], HEX_64) &&
    matches(prev['sha3-256'], HEX_64) &&
    matches(prev['sha512'], HEX_128)
  );
}

function isCheckpoint(value: unknown): boolean {
  return (
    value === undefined ||
    (isPlain(value) && Object.keys(value).length === 2 && isCount(value['size']) && typeof value['root'] === 'string')
  );
}

function hasSchema(core: Members): boolean {
  const list = core['_sd'];
  return (
    Object.keys(core).every((name) => MEMBERS.has(name)) &&
    Object.entries(REQUIRED_TEXTS).every(([name, form]) => matches(core[name], form)) &&
    Object.entries(OPTIONAL_TEXTS).every(([name, form]) => core[name] === undefined || matches(core[name], form)) &&
    Number.isFinite(Date.parse(core['at'] as string)) &&
    isCount(core['n']) &&
    isPlain(core['pub']) &&
    isCheckpoint(core['cp']) &&
    Array.isArray(list) &&
    list.length <= MAX_COMMITMENTS &&
    list.every((digest) => matches(digest, COMMITMENT))
  );
}

/** Reads the bytes of one core. Attacker-controlled: every field is checked; never throws. */
export function readCore(bytes: Uint8Array): ReadCore | CoreFault {
  if (bytes.length > MAX_CORE_BYTES) return 'E_CANON';
  const text = decodeUtf8(bytes);
  const core = text === undefined ? undefined : parseCanonical(text);
  if (core === undefined) return 'E_CANON';
  if (!isPlain(core)) return 'E_SCHEMA';
  if (!hasAlgorithms(core)) return 'E_ALG';
  if (!hasSchema(core)) return 'E_SCHEMA';
  const prev = core['prev'] as unknown as Readonly<Record<string, string>>;
  return {
    id: core['id'] as string,
    type: core['type'] as string,
    at: core['at'] as string,
    log: core['log'] as string,
    lane: core['lane'] as string,
    n: core['n'] as number,
    sd: core['_sd'] as readonly string[],
    actorTag: core['actorTag'] as string | undefined,
    caseTag: core['caseTag'] as string | undefined,
    ref: core['ref'] as string | undefined,
    pub: core['pub'] as JsonObject,
    durability: core['dur'] as string,
    prev: { sha256: prev['sha256'] ?? '', sha512: prev['sha512'] ?? '', sha3: prev['sha3-256'] ?? '' },
    cp: core['cp'] as ReadCore['cp'],
  };
}
