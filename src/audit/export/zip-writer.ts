import { createReadStream } from 'node:fs';
import { createDeflateRaw } from 'node:zlib';

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const VERSION = 45;
const UNIX = 3 << 8;
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808;
const DEFLATED = 8;
const IN_64 = 0xffffffff;
const MANY = 0xffff;
/** 1980-01-01: the same bytes whenever it is made. */
const DATE = 0x0021;
const MODE = (0o100644 << 16) >>> 0;

/** A file that goes into the zip file. */
export interface ZipInput {
  /** On disk. */
  readonly file: string;
  /** In the zip file. ASCII. */
  readonly path: string;
  readonly bytes: number;
  readonly crc: number;
}

interface Written extends ZipInput {
  readonly at: number;
  readonly packed: number;
}

/** Packs files one after the other, whatever their size; gives the bytes away in pieces. Source: APPNOTE 6.3.10. */
export class ZipWriter {
  readonly #written: Written[] = [];
  #at = 0;

  constructor(private readonly write: (bytes: Buffer) => Promise<void>) {}

  async add(input: ZipInput): Promise<void> {
    const at = this.#at;
    await this.#put(localHeader(input));
    const start = this.#at;
    const packer = createReadStream(input.file).pipe(createDeflateRaw({ level: 6 }));
    for await (const piece of packer) await this.#put(piece as Buffer);
    const packed = this.#at - start;
    await this.#put(descriptor(input, packed));
    this.#written.push({ ...input, at, packed });
  }

  async end(): Promise<void> {
    const at = this.#at;
    for (const entry of this.#written) await this.#put(directoryEntry(entry));
    const bytes = this.#at - at;
    const count = this.#written.length;
    if (at >= IN_64 || bytes >= IN_64 || count >= MANY) await this.#put(end64({ at, bytes, count, endsAt: this.#at }));
    const end = Buffer.alloc(22);
    end.writeUInt32LE(END, 0);
    end.writeUInt16LE(Math.min(count, MANY), 8);
    end.writeUInt16LE(Math.min(count, MANY), 10);
    end.writeUInt32LE(Math.min(bytes, IN_64), 12);
    end.writeUInt32LE(Math.min(at, IN_64), 16);
    await this.#put(end);
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#at += bytes.length;
    await this.write(bytes);
  }
}

const isLarge = (bytes: number): boolean => bytes >= IN_64 - 1024 * 1024;

/** A zip64 extra field with these values. */
function extra64(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  for (const [n, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + n * 8);
  return extra;
}

function localHeader({ path, bytes }: ZipInput): Buffer {
  // The extra field says that the sizes behind the data are 64 bits wide.
  const extra = isLarge(bytes) ? extra64([0, 0]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(LOCAL, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(FLAGS, 6);
  header.writeUInt16LE(DEFLATED, 8);
  header.writeUInt16LE(DATE, 12);
  header.writeUInt32LE(isLarge(bytes) ? IN_64 : 0, 18);
  header.writeUInt32LE(isLarge(bytes) ? IN_64 : 0, 22);
  header.writeUInt16LE(path.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, Buffer.from(path, 'latin1'), extra]);
}

function descriptor({ crc, bytes }: ZipInput, packed: number): Buffer {
  const large = isLarge(bytes);
  const text = Buffer.alloc(large ? 24 : 16);
  text.writeUInt32LE(DESCRIPTOR, 0);
  text.writeUInt32LE(crc, 4);
  if (large) {
    text.writeBigUInt64LE(BigInt(packed), 8);
    text.writeBigUInt64LE(BigInt(bytes), 16);
  } else {
    text.writeUInt32LE(packed, 8);
    text.writeUInt32LE(bytes, 12);
  }
  return text;
}

function directoryEntry({ path, crc, bytes, packed, at }: Written): Buffer {
  const large = [...(isLarge(bytes) ? [bytes, packed] : []), ...(at >= IN_64 ? [at] : [])];
  const extra = large.length === 0 ? Buffer.alloc(0) : extra64(large);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(ENTRY, 0);
  entry.writeUInt16LE(UNIX | VERSION, 4);
  entry.writeUInt16LE(VERSION, 6);
  entry.writeUInt16LE(FLAGS, 8);
  entry.writeUInt16LE(DEFLATED, 10);
  entry.writeUInt16LE(DATE, 14);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(isLarge(bytes) ? IN_64 : packed, 20);
  entry.writeUInt32LE(isLarge(bytes) ? IN_64 : bytes, 24);
  entry.writeUInt16LE(path.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(MODE, 38);
  entry.writeUInt32LE(Math.min(at, IN_64), 42);
  return Buffer.concat([entry, Buffer.from(path, 'latin1'), extra]);
}

function end64(of: {
  readonly at: number;
  readonly bytes: number;
  readonly count: number;
  readonly endsAt: number;
}): Buffer {
  const end = Buffer.alloc(56 + 20);
  end.writeUInt32LE(END_64, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(UNIX | VERSION, 12);
  end.writeUInt16LE(VERSION, 14);
  end.writeBigUInt64LE(BigInt(of.count), 24);
  end.writeBigUInt64LE(BigInt(of.count), 32);
  end.writeBigUInt64LE(BigInt(of.bytes), 40);
  end.writeBigUInt64LE(BigInt(of.at), 48);
  end.writeUInt32LE(LOCATOR_64, 56);
  end.writeBigUInt64LE(BigInt(of.endsAt), 64);
  end.writeUInt32LE(1, 72);
  return end;
}
