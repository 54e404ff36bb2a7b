import type { Tx } from '../database/index.js';

/** What a module contributes to the snapshot. */
export interface SnapshotPart<T> {
  /** Unique, stable: part of the hash. */
  readonly name: string;
  /** Reads the part on one consistent view. `rows` is everything that decides the module's behaviour, as plain JSON in a
   *  stable order and without secrets: it is hashed. */
  load(tx: Tx): Promise<{ readonly value: T; readonly rows: unknown }>;
}

/** The complete configuration a decision is made on: immutable, swapped whole, named by its hash. */
export class ConfigSnapshot {
  constructor(
    /** `config_version` that was read; grows. */
    readonly version: number,
    /** 64 lower-case hex digits, SHA-256 over all parts. */
    readonly hash: string,
    private readonly parts: ReadonlyMap<SnapshotPart<unknown>, unknown>,
  ) {}

  /** The value of a registered part. */
  get<T>(part: SnapshotPart<T>): T {
    if (!this.parts.has(part)) throw new Error(`Snapshot part ${part.name} is not registered`);
    return this.parts.get(part) as T;
  }
}
