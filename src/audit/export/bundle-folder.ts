import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { BundleFile } from '../domain/bundle.js';
import { FileSink, type MadeFile } from './file-sink.js';

/** The files of one log's bundle while they are made. */
export class BundleFolder {
  readonly #made: MadeFile[] = [];

  /** `directory`: on disk. */
  constructor(readonly directory: string) {}

  /** Begins a file; its folder is made. */
  async open(name: string): Promise<FileSink> {
    const file = path.join(this.directory, name);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    return FileSink.create(file, name);
  }

  async close(sink: FileSink): Promise<MadeFile> {
    const made = await sink.close();
    this.#made.push(made);
    return made;
  }

  /** Writes a whole file. */
  async file(name: string, content: string | Buffer): Promise<MadeFile> {
    const sink = await this.open(name);
    await sink.add(content);
    return this.close(sink);
  }

  /** What was made, sorted by path. */
  made(): readonly MadeFile[] {
    return this.#made.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The list of a manifest. */
  listed(): readonly BundleFile[] {
    return this.made().map(({ path: name, bytes, sha256, sha512, sha3 }) => ({
      path: name,
      bytes,
      sha256,
      sha512,
      sha3,
    }));
  }
}
