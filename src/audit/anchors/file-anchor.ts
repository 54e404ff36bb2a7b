import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';

import { Injectable } from '@nestjs/common';

import { AuditConfig } from '../../platform/config/index.js';
import { parseCanonical } from '../domain/canonical.js';
import { readCheckpoint, type Checkpoint } from '../domain/checkpoint.js';
import { openNote } from '../domain/note.js';
import { readVerifierKey } from '../domain/note-key.js';
import { KeyRing } from '../key-ring.js';

const CHUNK_BYTES = 1024 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;

/** Every checkpoint, appended to a file that lies on another volume than the database: what was signed is known there after the
 *  database was put back. One JSON string per line. Without AIP_AUDIT_ANCHOR_FILE it does nothing. */
@Injectable()
export class FileAnchor {
  /** Largest checkpoint of each log, as far as the file was read. */
  readonly #newest = new Map<string, Checkpoint>();
  #readTo = 0;

  constructor(
    private readonly config: AuditConfig,
    private readonly keys: KeyRing,
  ) {}

  /** Appends a checkpoint; on disk when it returns. */
  append(note: string): void {
    const file = this.config.anchorFile;
    if (file === null) return;
    mkdirSync(path.dirname(file), { recursive: true });
    const handle = openSync(file, 'a', 0o644);
    try {
      writeSync(handle, `${JSON.stringify(note)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  /** The largest checkpoint of a log that its own key signed. Whoever else wrote into the file is passed over.
   *  @throws an error of the file system: an anchor that cannot be read does not count as absent */
  newest(origin: string): Checkpoint | undefined {
    this.#readOn();
    return this.#newest.get(origin);
  }

  /** Takes what was appended since the last time, by this replica or another. */
  #readOn(): void {
    const file = this.config.anchorFile;
    if (file === null || !existsSync(file)) return;
    const handle = openSync(file, 'r');
    try {
      const end = fstatSync(handle).size;
      let rest = Buffer.alloc(0) as Buffer;
      for (let at = this.#readTo; at < end;) {
        const piece = Buffer.alloc(Math.min(CHUNK_BYTES, end - at));
        const bytes = readSync(handle, piece, 0, piece.length, at);
        if (bytes === 0) break;
        at += bytes;
        rest = this.#take(Buffer.concat([rest, piece.subarray(0, bytes)]));
        this.#readTo = at - rest.length;
      }
    } finally {
      closeSync(handle);
    }
  }

  /** Takes complete lines; returns what follows them. */
  #take(bytes: Buffer): Buffer {
    const end = bytes.lastIndexOf('\n');
    // A line that no checkpoint has is passed over.
    if (end < 0) return bytes.length > MAX_LINE_BYTES ? Buffer.alloc(0) : bytes;
    // Sizes rise with the lines: of each log the last one that holds is enough.
    const found = new Set<string>();
    for (const line of bytes.toString('utf8', 0, end).split('\n').reverse()) {
      const checkpoint = this.#read(line, found);
      if (checkpoint === undefined) continue;
      found.add(checkpoint.origin);
      if (checkpoint.size > (this.#newest.get(checkpoint.origin)?.size ?? -1))
        this.#newest.set(checkpoint.origin, checkpoint);
    }
    return bytes.subarray(end + 1);
  }

  /** The checkpoint of a line when the log's own key signed it and none of the log was found yet. */
  #read(line: string, found: ReadonlySet<string>): Checkpoint | undefined {
    const note = parseCanonical(line);
    const origin = typeof note === 'string' ? note.slice(0, note.indexOf('\n')) : '';
    if (typeof note !== 'string' || found.has(origin) || !this.keys.has(origin)) return undefined;
    const key = readVerifierKey(this.keys.open(origin).vkey);
    const opened = key === undefined ? 'E_SIG' : openNote(note, [key]);
    return typeof opened === 'string' || opened.good.length === 0 ? undefined : readCheckpoint(opened.text);
  }
}
