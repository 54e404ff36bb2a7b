import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readCheckpoint } from '../domain/checkpoint.js';
import { readNote } from '../domain/note.js';
import { readPolicy, type Policy } from '../domain/policy.js';

/** What a verifier knows from elsewhere than the bundle. */
export interface Trust {
  /** Undefined: nobody said whose key to trust. */
  readonly policy: Policy | undefined;
  /** How the policy came here, for the verdict. */
  readonly from: string;
}

/** Nobody said whose key to trust. */
export const NO_TRUST: Trust = { policy: undefined, from: 'nobody' };

/** Reads `policy.txt` of a folder, or a policy file itself. @throws PolicyError; an error of the file system */
export function readTrust(place: string): Trust {
  const file = place.endsWith('.txt') ? place : path.join(place, 'policy.txt');
  return { policy: readPolicy(readFileSync(file, 'utf8')), from: 'pinned' };
}

/** The largest checkpoint seen of each log: files of a folder, one per log. */
export class SeenCheckpoints {
  constructor(private readonly folder: string | undefined) {}

  /** The checkpoint that was remembered of a log. */
  find(origin: string): { readonly size: number; readonly root: Buffer } | undefined {
    if (this.folder === undefined) return undefined;
    try {
      return readCheckpoint(readNote(readFileSync(this.#file(origin), 'utf8'))?.text ?? '');
    } catch {
      return undefined;
    }
  }

  /** Remembers a checkpoint that was verified. */
  keep(origin: string, note: string): void {
    if (this.folder === undefined) return;
    mkdirSync(this.folder, { recursive: true });
    const file = this.#file(origin);
    writeFileSync(`${file}.new`, note);
    renameSync(`${file}.new`, file);
  }

  #file(origin: string): string {
    return path.join(this.folder ?? '.', `${origin.replaceAll(/[^A-Za-z0-9.-]/g, '_')}.checkpoint`);
  }
}

/** What a verification needs beside the bundle. */
export interface VerifyOptions {
  readonly trust: Trust;
  readonly seen: SeenCheckpoints;
  readonly nowMs: number;
  /** Hears the number of records, once per 10 000. */
  readonly onProgress?: ((records: number) => void) | undefined;
}
