import { readManifest, UNLISTED, writeManifest, type BundleManifest } from '../../../src/audit/domain/bundle.js';
import { canonical, type JsonObject, type JsonValue } from '../../../src/audit/domain/canonical.js';
import { headsOf, leafHash, NO_HEADS, type Heads } from '../../../src/audit/domain/chain.js';
import { checkpointText } from '../../../src/audit/domain/checkpoint.js';
import { consistencyRanges, inclusionRanges } from '../../../src/audit/domain/merkle.js';
import { hashLines, writeProof } from '../../../src/audit/domain/proof.js';
import { TileHashes, TileTree } from '../../../src/audit/domain/tile-tree.js';
import type { BundleSource } from '../../../src/audit/verifier/bundle-source.js';

/** A core as a forger handles it. */
export type Core = Record<string, JsonValue> & { pub: Record<string, JsonValue> };

/** A tree over all leaves, for proofs of a forger. */
class ForgedTree {
  readonly #tree = new TileTree();
  readonly #tiles: ReturnType<TileTree['takeFull']>[number][] = [];

  constructor(leaves: readonly Buffer[]) {
    for (const leaf of leaves) this.#tree.add(leaf);
    this.#tiles.push(...this.#tree.takeFull());
  }

  root(size = this.#tree.size): Buffer {
    return this.#hashes().range({ begin: 0, end: size });
  }

  inclusion(index: number): readonly Buffer[] {
    return inclusionRanges(index, this.#tree.size).map((range) => this.#hashes().range(range));
  }

  consistency(old: number): readonly Buffer[] {
    return consistencyRanges(old, this.#tree.size).map((range) => this.#hashes().range(range));
  }

  #hashes(): TileHashes {
    return new TileHashes(this.#tree.size, this.#tree.frontier(), this.#tiles);
  }
}

/** A bundle in memory that can be altered as an attacker would: with or without the keys of the log. */
export class ForgedBundle implements BundleSource {
  private constructor(private readonly contents: Map<string, Buffer>) {}

  static async of(source: BundleSource): Promise<ForgedBundle> {
    const contents = new Map<string, Buffer>();
    for (const name of source.files.keys()) {
      const parts: Buffer[] = [];
      for await (const part of source.read(name)) parts.push(part);
      contents.set(name, Buffer.concat(parts));
    }
    return new ForgedBundle(contents);
  }

  get files(): ReadonlyMap<string, number> {
    return new Map([...this.contents].map(([name, bytes]) => [name, bytes.length]));
  }

  async *read(name: string): AsyncGenerator<Buffer, void> {
    await Promise.resolve();
    yield this.contents.get(name) ?? Buffer.alloc(0);
  }

  close(): void {
    // It is in memory.
  }

  copy(): ForgedBundle {
    return new ForgedBundle(new Map([...this.contents].map(([name, bytes]) => [name, Buffer.from(bytes)])));
  }

  text(name: string): string {
    return (this.contents.get(name) ?? Buffer.alloc(0)).toString('utf8');
  }

  put(name: string, content: string | Buffer): this {
    this.contents.set(name, typeof content === 'string' ? Buffer.from(content) : content);
    return this;
  }

  remove(name: string): this {
    this.contents.delete(name);
    return this;
  }

  manifest(): BundleManifest {
    const manifest = readManifest(this.contents.get('manifest.json') ?? Buffer.alloc(0));
    if (manifest === undefined) throw new Error('no manifest');
    return manifest;
  }

  lines(name: string): string[] {
    return this.text(name).trimEnd().split('\n');
  }

  /** Changes the lines of the records, and nothing else. */
  entries(change: (lines: string[]) => readonly string[]): this {
    return this.put('entries.jsonl', `${change(this.lines('entries.jsonl')).join('\n')}\n`);
  }

  /** Changes one record as an object; written again in its one spelling. */
  core(at: number, change: (core: Core) => void): this {
    return this.entries((lines) =>
      lines.map((line, index) => {
        if (index !== at) return line;
        const core = JSON.parse(line) as Core;
        change(core);
        return canonical(core);
      }),
    );
  }

  /** Makes positions.csv fit the records, as far as anybody can. */
  reposition(): this {
    const lines = this.lines('entries.jsonl').map((line, index) => {
      const { lane, n } = JSON.parse(line) as { lane: string; n: number };
      return `${String(index)},${lane},${String(n)},${leafHash(Buffer.from(line)).toString('hex')},core`;
    });
    return this.put('positions.csv', `index,lane,n,leaf,state\n${lines.join('\n')}\n`);
  }

  /** Makes the manifest fit the files, and say what `change` wants. */
  relist(change: Partial<BundleManifest> = {}): this {
    const files = [...this.contents]
      .filter(([path]) => !UNLISTED.includes(path))
      .map(([path, bytes]) => ({ path, bytes: bytes.length, ...headsOf(bytes) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    return this.put('manifest.json', writeManifest({ ...this.manifest(), ...change, files }));
  }

  /** Everything again, as the holder of the log's key can: chains, tree, checkpoint, proof of the export. */
  resign(sign: (text: string) => string, options: { readonly rechains?: boolean } = {}): this {
    if (options.rechains !== false) this.entries(rechained);
    this.reposition();
    const { origin, range } = this.manifest();
    const cores = this.lines('entries.jsonl').map((line) => Buffer.from(line));
    const size = cores.length;
    const tree = new ForgedTree(cores.map((core) => leafHash(core)));
    this.remove(`checkpoints/${String(range.to)}`).put('seals.jsonl', '');
    this.put(`checkpoints/${String(size)}`, sign(checkpointText({ origin, size, root: tree.root() })));
    this.relist({ range: { from: 0, to: size }, counts: { ...this.manifest().counts, cores: size } });
    return this.resignExport(sign, cores);
  }

  /** The record of the export, after the records of the bundle. */
  resignExport(sign: (text: string) => string, cores: readonly Buffer[]): this {
    const { origin } = this.manifest();
    const { sha256, sha512, sha3 } = headsOf(this.contents.get('manifest.json') ?? '');
    const record = JSON.parse(this.text('export/record.json')) as Core;
    record.pub['manifests'] = [{ origin, sha256, 'sha3-256': sha3, sha512 }];
    const bytes = Buffer.from(canonical(record));
    const tree = new ForgedTree([...cores, bytes].map((core) => leafHash(core)));
    const checkpoint = sign(checkpointText({ origin, size: cores.length + 1, root: tree.root() }));
    this.put('export/record.json', bytes);
    this.put('export/consistency.proof', hashLines(tree.consistency(cores.length)));
    const hashes = tree.inclusion(cores.length);
    return this.put('export/record.tlog-proof', writeProof({ index: cores.length, hashes, checkpoint }));
  }
}

/** Links the records of each lane anew, in the order in which they stand. */
function rechained(lines: readonly string[]): readonly string[] {
  const lanes = new Map<string, { n: number; heads: Heads }>();
  return lines.map((line) => {
    const core = JSON.parse(line) as Core;
    const name = core['lane'] as string;
    const lane = lanes.get(name) ?? { n: 0, heads: NO_HEADS };
    const { sha256, sha512, sha3 } = lane.heads;
    const linked: JsonObject = { ...core, n: lane.n, prev: { sha256, 'sha3-256': sha3, sha512 } };
    const { cp: _cp, ...rest } = linked as JsonObject & { cp?: JsonValue };
    const text = canonical(rest);
    lanes.set(name, { n: lane.n + 1, heads: headsOf(text) });
    return text;
  });
}
