import type { BundleManifest } from '../domain/bundle.js';
import { decodeUtf8, parseCanonical } from '../domain/canonical.js';
import { sameHeads, type Heads } from '../domain/chain.js';
import type { Findings } from '../domain/finding.js';
import { readSeal, sealDigests, type Seal } from '../domain/seal.js';
import type { BundleSource } from './bundle-source.js';
import { LineReader } from './line-reader.js';
import type { NotesCheck } from './notes-check.js';
import type { TreeCheck } from './tree-check.js';

const MAX_LINE = 16 * 1024 * 1024;

/** Follows the seals beside the tree: each is signed, names the one before, the root, and where every lane stands. */
export class SealCheck {
  readonly #lines: LineReader;
  #next: { readonly seal: Seal; readonly note: string } | undefined;
  #isStarted = false;
  #before: { readonly no: number; readonly digests: Heads; readonly size: number } | undefined;
  /** Seals that were read. */
  count = 0;

  constructor(
    private readonly of: {
      readonly source: BundleSource;
      readonly prefix: string;
      readonly manifest: BundleManifest;
      readonly notes: NotesCheck;
      readonly findings: Findings;
    },
    private readonly tree: TreeCheck,
  ) {
    const name = `${of.prefix}seals.jsonl`;
    this.#lines = new LineReader(of.source.files.has(name) ? of.source.read(name) : nothing(), 'seals.jsonl', MAX_LINE);
  }

  /** Whether a seal of this size, or the first one, waits. */
  isDue(size: number): boolean {
    return !this.#isStarted || this.#next?.seal.size === size;
  }

  /** The tree has this size: checks the seals that speak of it. */
  async at(size: number): Promise<void> {
    await this.#start();
    while (this.#next?.seal.size === size) {
      this.#check(this.#next.seal, this.#next.note);
      await this.#advance();
    }
  }

  /** Ends the check: what is left speaks of sizes that the tree never had. */
  async end(): Promise<void> {
    await this.#start();
    if (this.#next !== undefined)
      this.of.findings.add('E_SEAL', `seals.jsonl:${String(this.#lines.count)}: of no size here`);
  }

  async #start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#advance();
  }

  async #advance(): Promise<void> {
    this.#next = undefined;
    for (;;) {
      const line = await this.#lines.take();
      if (line === undefined) return;
      const where = `seals.jsonl:${String(this.#lines.count)}`;
      const note = parseCanonical(decodeUtf8(line) ?? '');
      const opened = typeof note === 'string' ? this.of.notes.open(note, this.of.manifest.origin, where) : undefined;
      const seal = opened === undefined ? undefined : readSeal(opened.text);
      if (seal === undefined || typeof note !== 'string') {
        this.of.findings.add('E_SEAL', where);
        continue;
      }
      this.count += 1;
      this.#next = { seal, note };
      return;
    }
  }

  #check(seal: Seal, note: string): void {
    const where = `seal ${String(seal.no)}`;
    const { findings, manifest } = this.of;
    if (seal.log !== manifest.origin || seal.root !== this.tree.root().toString('base64'))
      findings.add('E_SEAL', where);
    const before = this.#before;
    const isNext = before === undefined || (seal.no === before.no + 1 && sameHeads(seal.before, before.digests));
    if (!isNext) findings.add('E_SEAL', `${where}: does not follow the one before`);
    for (const lane of seal.lanes) this.tree.sealed(lane, where);
    this.#before = { no: seal.no, digests: sealDigests(note), size: seal.size };
  }
}

async function* nothing(): AsyncGenerator<Buffer, void> {
  // A bundle without seals has none to check.
}
