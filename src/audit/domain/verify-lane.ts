import type { JsonValue } from './canonical.js';
import { headsOf, leafHash, NO_HEADS, sameHeads, type Heads } from './chain.js';
import { readCore, type ReadCore } from './core-check.js';
import type { Findings } from './finding.js';

const LEAF_BYTES = 32;
const LINE_FEED = 0x0a;

/** A batch as it lies in the database. */
export interface LaneBatch {
  readonly n0: number;
  readonly count: number;
  /** 32 bytes per record. */
  readonly leaves: Buffer;
  /** Cores with a line feed between them. */
  readonly body: Buffer;
}

/** What a `lane.close` record says about a lane. */
export interface LaneClosing {
  readonly lane: string;
  readonly n: number;
  readonly heads: Heads;
  readonly where: string;
}

/** Cores of a batch's body, without copies. */
export function splitCores(body: Buffer): readonly Buffer[] {
  const cores: Buffer[] = [];
  let from = 0;
  for (let to = body.indexOf(LINE_FEED); to !== -1; to = body.indexOf(LINE_FEED, from)) {
    cores.push(body.subarray(from, to));
    from = to + 1;
  }
  cores.push(body.subarray(from));
  return cores;
}

function closingOf({ pub }: ReadCore, where: string): LaneClosing | undefined {
  const { lane, n, heads } = pub;
  if (typeof lane !== 'string' || typeof n !== 'number' || typeof heads !== 'object' || heads === null)
    return undefined;
  const digests = heads as Readonly<Record<string, JsonValue>>;
  const text = (name: string): string => (typeof digests[name] === 'string' ? digests[name] : '?');
  return { lane, n, where, heads: { sha256: text('sha256'), sha512: text('sha512'), sha3: text('sha3-256') } };
}

/** Follows one lane from its first record. Feed batches in order; nothing throws. Attacker-controlled. */
export class LaneCheck {
  /** Closings of other lanes that stand on this one. */
  readonly closings: LaneClosing[] = [];
  #n = 0;
  /** Undefined: what stands before is not known. */
  #heads: Heads | undefined = NO_HEADS;
  #lastAt = '';
  #closesItself = false;

  constructor(
    private readonly origin: string,
    private readonly lane: string,
    private readonly findings: Findings,
  ) {}

  /** Where the lane stands after what was checked; heads are undefined while they are not known. */
  get state(): { readonly n: number; readonly heads: Heads | undefined; readonly at: string } {
    return { n: this.#n, heads: this.#heads, at: this.#lastAt };
  }

  /** The records before `n` are not there: the chain begins anew. */
  skipTo(n: number): void {
    this.#n = n;
    this.#heads = undefined;
  }

  /** Checks the lane's next record as the tree gives it; after a gap it goes on behind it. */
  follow(core: ReadCore, bytes: Buffer): void {
    if (core.n !== this.#n || this.#closesItself) this.#find('E_LANE_SEQ', core.n);
    this.#check(core, core.n, this.#heads);
    this.#n = core.n + 1;
    this.#heads = headsOf(bytes);
  }

  /** True when the lane's last record closes it. */
  get closesItself(): boolean {
    return this.#closesItself;
  }

  /** Checks a batch and returns the cores that could be read, in order. */
  batch(stored: LaneBatch): readonly (ReadCore | undefined)[] {
    if (stored.n0 !== this.#n) this.#find('E_LANE_SEQ', stored.n0);
    this.#n = stored.n0;
    const cores = splitCores(stored.body);
    if (cores.length !== stored.count || stored.leaves.length !== stored.count * LEAF_BYTES) {
      this.#find('E_COUNT', stored.n0);
    }
    return cores.map((bytes, index) =>
      this.#core(bytes, stored.leaves.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)),
    );
  }

  /** Compares what was read with the lane's own row. */
  end(row: { readonly n: number; readonly heads: Heads }): void {
    if (row.n !== this.#n) this.#find('E_COUNT', this.#n);
    if (this.#heads !== undefined && !sameHeads(row.heads, this.#heads)) this.#find('E_PREV', this.#n);
  }

  #core(bytes: Buffer, leaf: Buffer): ReadCore | undefined {
    const at = this.#n;
    const before = this.#heads;
    this.#n += 1;
    this.#heads = headsOf(bytes);
    if (!leafHash(bytes).equals(leaf)) this.#find('E_LEAF', at);
    if (this.#closesItself) this.#find('E_LANE_SEQ', at);
    const core = readCore(bytes);
    if (typeof core === 'string') {
      this.#find(core, at);
      return undefined;
    }
    this.#check(core, at, before);
    return core;
  }

  #check(core: ReadCore, at: number, before: Heads | undefined): void {
    if (before !== undefined && !sameHeads(core.prev, before)) this.#find('E_PREV', at);
    if (core.log !== this.origin) this.#find('E_ORIGIN', at);
    if (core.lane !== this.lane || core.n !== at) this.#find('E_LANE_SEQ', at);
    if (core.at < this.#lastAt) this.#find('E_TIME_ORDER', at);
    this.#lastAt = core.at;
    // Strictly ascending: sorted, and no digest twice.
    if (core.sd.some((digest, index) => index > 0 && digest <= (core.sd[index - 1] ?? ''))) {
      this.#find('E_DISCLOSURE', at);
    }
    if (core.type === 'lane.close') this.#closing(core, at, before);
  }

  #closing(core: ReadCore, at: number, before: Heads | undefined): void {
    const closing = closingOf(core, `${this.lane}/${String(at)}`);
    if (closing === undefined) this.#find('E_SCHEMA', at);
    else if (closing.lane !== this.lane) this.closings.push(closing);
    else {
      this.#closesItself = true;
      if (closing.n !== at || (before !== undefined && !sameHeads(closing.heads, before))) this.#find('E_LANE_SEQ', at);
    }
  }

  #find(code: string, n: number): void {
    this.findings.add(code, `${this.lane}/${String(n)}`);
  }
}

/** A lane as its row says, and whether its own last record closes it. */
export interface LaneEnd {
  readonly lane: string;
  readonly n: number;
  readonly heads: Heads;
  readonly closed: boolean;
  readonly closesItself: boolean;
}

/** Each closed lane has one record that closes it where it ends; none closes a lane that is open. */
export function checkClosings(lanes: readonly LaneEnd[], closings: readonly LaneClosing[], findings: Findings): void {
  const byLane = Map.groupBy(closings, ({ lane }) => lane);
  for (const { lane, n, heads, closed, closesItself } of lanes) {
    const own = byLane.get(lane) ?? [];
    byLane.delete(lane);
    const places = own.length + (closesItself ? 1 : 0);
    if (places !== (closed ? 1 : 0))
      findings.add('E_LANE_SEQ', `lane ${lane}: closed ${String(places)} times on record`);
    for (const closing of own) {
      if (closing.n !== n || !sameHeads(closing.heads, heads)) findings.add('E_LANE_SEQ', closing.where);
    }
  }
  for (const [first] of byLane.values()) {
    if (first !== undefined) findings.add('E_LANE_SEQ', `${first.where}: closes a lane that does not exist`);
  }
}
