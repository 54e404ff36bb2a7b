import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import type { BundleFile } from '../domain/bundle.js';

const BUFFERED_BYTES = 256 * 1024;

/** A file that was written, with what a zip file needs to know. */
export interface MadeFile extends BundleFile {
  readonly crc: number;
}

/** Writes a file of a bundle and digests it on the way. Memory stays below half a megabyte. */
export class FileSink {
  readonly #digests = (['sha256', 'sha512', 'sha3-256'] as const).map((name) => createHash(name));
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #crc = 0;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** `file`: on disk; `path`: in the bundle. */
  static async create(file: string, path: string): Promise<FileSink> {
    return new FileSink(path, await open(file, 'wx', 0o600));
  }

  /** Adds bytes; undefined: nothing to wait for. */
  add(content: string | Buffer): Promise<void> | undefined {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    return this.#waitingBytes >= BUFFERED_BYTES ? this.#flush() : undefined;
  }

  async close(): Promise<MadeFile> {
    await this.#flush();
    await this.handle.close();
    const [sha256 = '', sha512 = '', sha3 = ''] = this.#digests.map((digest) => digest.digest('hex'));
    return { path: this.path, bytes: this.#bytes, sha256, sha512, sha3, crc: this.#crc };
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const digest of this.#digests) digest.update(bytes);
    this.#crc = crc32(bytes, this.#crc);
    this.#bytes += bytes.length;
    await this.handle.writeFile(bytes);
  }
}
