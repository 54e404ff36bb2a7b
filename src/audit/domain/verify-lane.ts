import { isCanonical, type JsonObject } from './canonical.js';
import { headsOf, leafHash, NO_HEADS, type Heads } from './chain.js';
import { FORMAT } from './core.js';

/** What is wrong, with the published code. Source: evidence page §10. */
export interface Finding {
  readonly code: string;
  /** Lane and position, or what else tells where. */
  readonly where: string;
}

/** A core that was read: its own fields, as far as they have the right types. */
export interface ReadCore {
  readonly id: string;
  readonly type: string;
  readonly at: string;
  readonly n: number;
  readonly sd: readonly string[];
  readonly caseTag: string | undefined;
  readonly pub: JsonObject;
  readonly durability: string;
}

const MEMBERS = new Set([
  '_sd',
  '_sd_alg',
  'actorTag',
  'at',
  'caseTag',
  'cfg',
  'cp',
  'dur',
  'id',
  'lane',
  'log',
  'n',
  'prev',
  'pub',
  'ref',
  'type',
  'v',
]);
const REQUIRED = ['_sd', '_sd_alg', 'at', 'cfg', 'dur', 'id', 'lane', 'log', 'n', 'prev', 'pub', 'type', 'v'];
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
const LEAF_BYTES = 32;

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasShape(core: Record<string, unknown>): boolean {
  return (
    REQUIRED.every((name) => name in core) &&
    Object.keys(core).every((name) => MEMBERS.has(name)) &&
    ['at', 'cfg', 'dur', 'id', 'lane', 'log', 'type', 'v'].every((name) => typeof core[name] === 'string') &&
    Number.isSafeInteger(core['n']) &&
    isPlain(core['pub']) &&
    Array.isArray(core['_sd']) &&
    core['_sd'].every((digest) => typeof digest === 'string') &&
    INSTANT.test(core['at'] as string)
  );
}

/** Algorithms are fixed by the version: exactly three digests in `prev`, SHA-256 in `_sd_alg`. */
function hasAlgorithms({ v, _sd_alg: alg, prev }: Record<string, unknown>): boolean {
  if (v !== FORMAT || alg !== 'sha-256' || !isPlain(prev)) return false;
  const names = Object.keys(prev).sort();
  return names.join() === 'sha256,sha3-256,sha512' && names.every((name) => typeof prev[name] === 'string');
}

/** Follows one lane from its first record. Feed batches in order; findings accumulate, nothing throws. Attacker-controlled. */
export class LaneCheck {
  readonly findings: Finding[] = [];
  #n = 0;
  #heads: Heads = NO_HEADS;
  #lastAt = '';

  constructor(
    private readonly origin: string,
    private readonly lane: string,
  ) {}

  /** Records read so far. */
  get count(): number {
    return this.#n;
  }

  get heads(): Heads {
    return this.#heads;
  }

  /** Checks a batch and returns the cores that could be read, in order. */
  batch(stored: {
    readonly n0: number;
    readonly count: number;
    readonly leaves: Buffer;
    readonly body: Buffer;
  }): readonly (ReadCore | undefined)[] {
    if (stored.n0 !== this.#n) this.#find('E_LANE_SEQ', stored.n0);
    this.#n = stored.n0;
    const cores = stored.body.toString('utf8').split('\n');
    if (cores.length !== stored.count) this.#find('E_COUNT', stored.n0);
    return cores.map((text, index) =>
      this.#core(text, stored.leaves.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)),
    );
  }

  /** Compares what was read with the lane's own row. */
  end(row: { readonly n: number; readonly heads: Heads }): void {
    if (row.n !== this.#n) this.#find('E_COUNT', this.#n);
    if (
      row.heads.sha256 !== this.#heads.sha256 ||
      row.heads.sha512 !== this.#heads.sha512 ||
      row.heads.sha3 !== this.#heads.sha3
    ) {
      this.#find('E_PREV', this.#n);
    }
  }

  #core(text: string, leaf: Buffer): ReadCore | undefined {
    const at = this.#n;
    const before = this.#heads;
    this.#n += 1;
    this.#heads = headsOf(text);
    if (!leafHash(text).equals(leaf)) this.#find('E_LEAF', at);
    if (!isCanonical(text)) {
      this.#find('E_CANON', at);
      return undefined;
    }
    const core = JSON.parse(text) as unknown;
    if (!isPlain(core) || !hasShape(core)) {
      this.#find('E_SCHEMA', at);
      return undefined;
    }
    this.#check(core, at, before);
    return {
      id: core['id'] as string,
      type: core['type'] as string,
      at: core['at'] as string,
      n: core['n'] as number,
      sd: core['_sd'] as string[],
      caseTag: core['caseTag'] as string | undefined,
      pub: core['pub'] as JsonObject,
      durability: core['dur'] as string,
    };
  }

  #check(core: Record<string, unknown>, at: number, before: Heads): void {
    if (!hasAlgorithms(core)) this.#find('E_ALG', at);
    else {
      const prev = core['prev'] as Record<string, string>;
      if (prev['sha256'] !== before.sha256 || prev['sha512'] !== before.sha512 || prev['sha3-256'] !== before.sha3) {
        this.#find('E_PREV', at);
      }
    }
    if (core['log'] !== this.origin) this.#find('E_ORIGIN', at);
    if (core['lane'] !== this.lane || core['n'] !== at) this.#find('E_LANE_SEQ', at);
    const instant = core['at'] as string;
    if (instant < this.#lastAt) this.#find('E_TIME_ORDER', at);
    this.#lastAt = instant;
    const list = core['_sd'] as string[];
    if (new Set(list).size !== list.length) this.#find('E_DISCLOSURE', at);
  }

  #find(code: string, n: number): void {
    this.findings.push({ code, where: `${this.lane}/${String(n)}` });
  }
}
