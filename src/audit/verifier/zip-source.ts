import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { createInflateRaw } from 'node:zlib';

import { BundleError } from './bundle-error.js';

const END = 0x06054b50;
const END_BYTES = 22;
const END_64 = 0x06064b50;
const END_64_BYTES = 56;
const LOCATOR_64 = 0x07064b50;
const LOCATOR_BYTES = 20;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const MAX_COMMENT = 65_535;
const MAX_ENTRIES = 100_000;
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
const IN_64 = 0xffffffff;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
const LINK = 0o12;
/** Deflate cannot do more than 1 032 to 1; hashes and ciphertext never come near. */
const MAX_RATIO = 200;
const SMALL = 16 * 1024 * 1024;
const PATH = /^(?!\/)(?!.*(?:^|\/)\.{0,2}(?:\/|$))[A-Za-z0-9._/-]{1,255}$/;

interface Entry {
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly bytes: number;
  readonly at: number;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** CRC-32 of zip files, continued from `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let value = ~before >>> 0;
  for (const byte of bytes) value = ((CRC_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8)) >>> 0;
  return ~value >>> 0;
}

/** A zip file as its central directory says; sizes above 4 GiB too. Attacker-controlled: names, counts and sizes are checked
 *  before anything is unpacked, and what is unpacked must be as long as announced. Source: APPNOTE 6.3.10. */
export class ZipSource {
  readonly files = new Map<string, number>();
  readonly #entries = new Map<string, Entry>();
  readonly #handle: number;
  readonly #size: number;

  /** @throws BundleError */
  constructor(private readonly file: string) {
    this.#handle = openSync(file, 'r');
    this.#size = fstatSync(this.#handle).size;
    try {
      this.#readDirectory();
    } catch (error) {
      this.close();
      if (error instanceof RangeError) throw new BundleError('The zip file is cut');
      throw error;
    }
  }

  close(): void {
    closeSync(this.#handle);
  }

  async *read(name: string): AsyncGenerator<Buffer, void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new BundleError(`${name} is not in the zip file`);
    const local = this.#bytes(entry.at, LOCAL_BYTES);
    if (local.readUInt32LE(0) !== LOCAL) throw new BundleError(`${name} does not begin where the zip file says`);
    const start = entry.at + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + entry.packed > this.#size) throw new BundleError(`${name} is cut`);
    let [total, crc] = [0, 0];
    for await (const piece of this.#unpacked(start, entry)) {
      total += piece.length;
      if (total > entry.bytes) throw new BundleError(`${name} is longer than the zip file says`);
      crc = crc32(piece, crc);
      yield piece;
    }
    if (total !== entry.bytes || crc !== entry.crc) throw new BundleError(`${name} is damaged`);
  }

  async *#unpacked(start: number, { packed, method }: Entry): AsyncGenerator<Buffer, void> {
    if (packed === 0) return;
    const raw = createReadStream(this.file, { start, end: start + packed - 1 });
    if (method === STORED) {
      yield* raw as AsyncIterable<Buffer>;
      return;
    }
    const inflate = createInflateRaw();
    raw.on('error', (error) => inflate.destroy(error));
    try {
      yield* raw.pipe(inflate) as AsyncIterable<Buffer>;
    } catch {
      throw new BundleError('A file of the zip file cannot be unpacked');
    } finally {
      raw.destroy();
      inflate.destroy();
    }
  }

  #readDirectory(): void {
    const { count, at, bytes } = this.#findDirectory();
    if (count > MAX_ENTRIES || bytes > MAX_DIRECTORY_BYTES || at + bytes > this.#size)
      throw new BundleError('The directory of the zip file is too large or cut');
    const directory = this.#bytes(at, bytes);
    let next = 0;
    for (let entry = 0; entry < count; entry += 1) {
      if (directory.readUInt32LE(next) !== ENTRY) throw new BundleError('The directory of the zip file is damaged');
      const lengths = [28, 30, 32].map((field) => directory.readUInt16LE(next + field));
      const [nameBytes = 0, extraBytes = 0, commentBytes = 0] = lengths;
      const nameAt = next + ENTRY_BYTES;
      const name = directory.toString('latin1', nameAt, nameAt + nameBytes);
      const extra = directory.subarray(nameAt + nameBytes, nameAt + nameBytes + extraBytes);
      this.#add(name, directory.subarray(next, nameAt), extra);
      next = nameAt + nameBytes + extraBytes + commentBytes;
    }
  }

  #add(name: string, fixed: Buffer, extra: Buffer): void {
    const [method, flags] = [fixed.readUInt16LE(10), fixed.readUInt16LE(8)];
    if (name.endsWith('/') && fixed.readUInt32LE(24) === 0 && PATH.test(name.slice(0, -1))) return; // A folder.
    if (!PATH.test(name)) throw new BundleError(`The zip file has a name that no bundle has: ${name.slice(0, 80)}`);
    if (this.#entries.has(name)) throw new BundleError(`${name} is in the zip file twice`);
    if ((flags & ENCRYPTED) !== 0) throw new BundleError(`${name} is encrypted`);
    if (fixed.readUInt32LE(38) >>> 28 === LINK) throw new BundleError(`${name} is a link`);
    if (method !== STORED && method !== DEFLATED) throw new BundleError(`${name} is packed in an unknown way`);
    const large = new Zip64Fields(extra);
    const bytes = large.replace(fixed.readUInt32LE(24));
    const packed = large.replace(fixed.readUInt32LE(20));
    const at = large.replace(fixed.readUInt32LE(42));
    if (bytes > SMALL && bytes > packed * MAX_RATIO) throw new BundleError(`${name} is packed beyond belief`);
    this.#entries.set(name, { method, crc: fixed.readUInt32LE(16), packed, bytes, at });
    this.files.set(name, bytes);
  }

  #findDirectory(): { readonly count: number; readonly at: number; readonly bytes: number } {
    const tailBytes = Math.min(this.#size, END_BYTES + MAX_COMMENT);
    const tail = this.#bytes(this.#size - tailBytes, tailBytes);
    let end = tail.length - END_BYTES;
    while (
      end >= 0 &&
      !(tail.readUInt32LE(end) === END && tail.readUInt16LE(end + 20) === tail.length - end - END_BYTES)
    )
      end -= 1;
    if (end < 0) throw new BundleError('This is no zip file');
    const count = tail.readUInt16LE(end + 10);
    const [bytes, at] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
    const locatorAt = end - LOCATOR_BYTES;
    if (locatorAt < 0 || tail.readUInt32LE(locatorAt) !== LOCATOR_64) return { count, at, bytes };
    const large = this.#bytes(exact(tail.readBigUInt64LE(locatorAt + 8)), END_64_BYTES);
    if (large.readUInt32LE(0) !== END_64) throw new BundleError('The zip64 directory is damaged');
    return {
      count: exact(large.readBigUInt64LE(32)),
      bytes: exact(large.readBigUInt64LE(40)),
      at: exact(large.readBigUInt64LE(48)),
    };
  }

  #bytes(at: number, length: number): Buffer {
    if (at < 0 || at + length > this.#size) throw new BundleError('The zip file is cut');
    const bytes = Buffer.alloc(length);
    for (let read = 0; read < length;) {
      const more = readSync(this.#handle, bytes, read, length - read, at + read);
      if (more === 0) throw new BundleError('The zip file is cut');
      read += more;
    }
    return bytes;
  }
}

/** The zip64 extra field: 64-bit values in the order in which the entry asks for them. */
class Zip64Fields {
  readonly #values: Buffer;
  #next = 0;

  constructor(extra: Buffer) {
    let values: Buffer = Buffer.alloc(0);
    for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
      if (extra.readUInt16LE(at) === 1) values = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
    }
    this.#values = values;
  }

  replace(value: number): number {
    if (value !== IN_64) return value;
    const large = exact(this.#values.readBigUInt64LE(this.#next));
    this.#next += 8;
    return large;
  }
}

function exact(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BundleError('A size of the zip file is out of range');
  return Number(value);
}
