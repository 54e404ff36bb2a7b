import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { BundleError } from './bundle-error.js';
import { ZipSource } from './zip-source.js';

/** The files of a bundle. */
export interface BundleSource {
  /** Bytes by path, with `/` between folders. */
  readonly files: ReadonlyMap<string, number>;
  /** The file's bytes, piece by piece. @throws BundleError when they are not what the container says */
  read(file: string): AsyncIterable<Buffer>;
  close(): void;
}

const MAX_FILES = 100_000;
const MAX_DEPTH = 8;

/** A bundle that was unpacked. */
class FolderSource implements BundleSource {
  readonly files = new Map<string, number>();

  constructor(private readonly root: string) {
    this.#walk('', 0);
  }

  read(file: string): AsyncIterable<Buffer> {
    return createReadStream(path.join(this.root, file)) as AsyncIterable<Buffer>;
  }

  close(): void {
    // Nothing is open between reads.
  }

  #walk(below: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new BundleError('Folders are nested too deeply');
    for (const entry of readdirSync(path.join(this.root, below), { withFileTypes: true })) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) this.#walk(name, depth + 1);
      else if (entry.isFile()) this.files.set(name, lstatSync(path.join(this.root, name)).size);
      else throw new BundleError(`${name} is neither a file nor a folder`);
      if (this.files.size > MAX_FILES) throw new BundleError('There are too many files');
    }
  }
}

/** Opens a folder or a zip file. @throws BundleError; an error of the file system when there is nothing */
export function openBundle(file: string): BundleSource {
  return lstatSync(file).isDirectory() ? new FolderSource(file) : new ZipSource(file);
}

/** A whole small file; undefined when the bundle has none. @throws BundleError when it is longer than `limit` bytes */
export async function readWhole(source: BundleSource, file: string, limit: number): Promise<Buffer | undefined> {
  const size = source.files.get(file);
  if (size === undefined) return undefined;
  if (size > limit) throw new BundleError(`${file} is longer than ${String(limit)} bytes`);
  const parts: Buffer[] = [];
  let total = 0;
  for await (const part of source.read(file)) {
    total += part.length;
    if (total > limit) throw new BundleError(`${file} is longer than ${String(limit)} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
