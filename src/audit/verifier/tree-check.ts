import { leafHash } from '../domain/chain.js';
import type { Position } from '../domain/bundle.js';
import { readCore, type ReadCore } from '../domain/core-check.js';
import type { Findings } from '../domain/finding.js';
import { CompactTree } from '../domain/merkle.js';
import { PairCheck } from '../domain/pair-check.js';
import type { SealedLane } from '../domain/seal.js';
import { LaneCheck } from '../domain/verify-lane.js';
import { sameHeads } from '../domain/chain.js';

/** A lane is given this long after its end until calls that are open on it count as forgotten. */
const GRACE_MS = 5 * 60_000;

interface LaneTrack {
  readonly check: LaneCheck;
  readonly ordinal: number;
  /** Number of the next record, also behind stubs. */
  next: number;
  closedAt: string;
}

/** What was counted. */
export interface TreeTally {
  cores: number;
  stubs: number;
  caseCores: number;
  isRelaxed: boolean;
  newestAt: string;
  genesisKeys: string[];
}

/** Checks a log in the order of its tree: leaves, roots, three chains per lane, ids, pairs. Feed every position; memory grows
 *  with the number of lanes and by some 80 bytes per record. Attacker-controlled; nothing throws. */
export class TreeCheck {
  readonly tally: TreeTally = { cores: 0, stubs: 0, caseCores: 0, isRelaxed: false, newestAt: '', genesisKeys: [] };
  readonly #tree: CompactTree;
  readonly #lanes = new Map<string, LaneTrack>();
  readonly #pairs: PairCheck;
  #closedAt = -1;
  readonly #closings: LaneCheck['closings'] = [];

  constructor(
    private readonly log: {
      readonly origin: string;
      readonly from: number;
      readonly edge: readonly Buffer[];
      readonly caseTag: string | null;
    },
    private readonly findings: Findings,
  ) {
    this.#tree = new CompactTree(log.from, log.edge);
    this.#pairs = new PairCheck(findings);
  }

  get size(): number {
    return this.#tree.size;
  }

  root(): Buffer {
    return this.#tree.root();
  }

  /** A position whose core is not in the bundle. */
  stub(position: Position): void {
    this.#position(position);
    this.tally.stubs += 1;
    this.#track(position.lane).check.skipTo(position.n + 1);
  }

  /** A position with its core's bytes; returns the core when it can be read. */
  core(position: Position, bytes: Buffer): ReadCore | undefined {
    this.#position(position);
    this.tally.cores += 1;
    const where = `index ${String(position.index)}`;
    if (!leafHash(bytes).equals(position.leaf)) this.findings.add('E_ROOT', `${where}: not the record of this leaf`);
    const core = readCore(bytes);
    if (typeof core === 'string') {
      this.findings.add(core, where);
      return undefined;
    }
    if (core.lane !== position.lane || core.n !== position.n)
      this.findings.add('E_LANE_SEQ', `${where}: stands elsewhere`);
    if (this.#closedAt >= 0) this.findings.add('E_KEY_EPOCH', `${where}: the log was closed before`);
    this.#count(core, position.index);
    const track = this.#track(core.lane);
    track.check.follow(core, bytes);
    this.#pairs.add(core, track.ordinal);
    if (track.check.closesItself) track.closedAt = core.at;
    return core;
  }

  /** Holds a lane of a seal against what was read up to here. */
  sealed({ lane, n, heads }: SealedLane, where: string): void {
    const track = this.#lanes.get(lane);
    // A lane that ended before the range is not known here.
    if (track === undefined && this.log.from > 0) return;
    const state = track?.check.state ?? { n: 0, heads: undefined };
    if (state.heads === undefined && track !== undefined) return;
    if (state.n !== n || state.heads === undefined || !sameHeads(state.heads, heads))
      this.findings.add('E_SEAL', `${where}: lane ${lane}`);
  }

  /** Ends the check; returns calls that run, and ends whose beginning is not here. */
  end(): { readonly open: number; readonly orphans: number; readonly lanes: number } {
    for (const { check } of this.#lanes.values()) this.#closings.push(...check.closings);
    for (const { lane, n, heads, where } of this.#closings) {
      const track = this.#lanes.get(lane);
      if (track === undefined) continue;
      const state = track.check.state;
      const isWrong = state.n > n || (state.n === n && state.heads !== undefined && !sameHeads(state.heads, heads));
      if (isWrong) this.findings.add('E_LANE_SEQ', `${where}: lane ${lane} ends elsewhere`);
    }
    const isWhole = this.log.from === 0 && this.tally.stubs === 0;
    const pairs = this.#pairs.endPart((lane) => this.#isOver(lane), isWhole);
    return { ...pairs, lanes: this.#lanes.size };
  }

  #isOver(lane: string): boolean {
    const closedAt = this.#lanes.get(lane)?.closedAt ?? '';
    return closedAt !== '' && Date.parse(this.tally.newestAt) - Date.parse(closedAt) > GRACE_MS;
  }

  #position({ index, lane, n, leaf }: Position): void {
    if (index !== this.#tree.size) this.findings.add('E_COUNT', `index ${String(this.#tree.size)}: not there`);
    this.#tree.add(leaf);
    const track = this.#track(lane, n);
    if (n !== track.next) this.findings.add('E_LANE_SEQ', `${lane}/${String(n)}`);
    track.next = n + 1;
  }

  #count(core: ReadCore, index: number): void {
    const { tally } = this;
    if (core.durability === 'relaxed') tally.isRelaxed = true;
    if (core.at > tally.newestAt) tally.newestAt = core.at;
    if (core.caseTag !== undefined && core.caseTag === this.log.caseTag) tally.caseCores += 1;
    if (core.type === 'log.genesis')
      tally.genesisKeys.push(typeof core.pub['vkey'] === 'string' ? core.pub['vkey'] : '');
    if (core.type === 'log.closed') this.#closedAt = index;
    const closed = core.pub['lane'];
    if (core.type === 'lane.close' && typeof closed === 'string') {
      const track = this.#lanes.get(closed);
      if (track !== undefined) track.closedAt = core.at;
    }
  }

  #track(lane: string, n = 0): LaneTrack {
    const known = this.#lanes.get(lane);
    if (known !== undefined) return known;
    const check = new LaneCheck(this.log.origin, lane, this.findings);
    // A range that does not begin with the log begins inside its lanes.
    const start = this.log.from > 0 ? n : 0;
    if (start > 0) check.skipTo(start);
    const track = { check, ordinal: this.#pairs.lane(lane), next: start, closedAt: '' };
    this.#lanes.set(lane, track);
    return track;
  }
}
