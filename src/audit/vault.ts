import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import type { DekState, StoredBody } from './domain/verify-vault.js';
import { KeyRing } from './key-ring.js';
import { VaultRepository, type DekScope, type WrappedDek } from './persistence/vault.repository.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DEK_BYTES = 32;
const MAX_CACHED = 10_000;

/** A data key in the clear. It never leaves the process. */
export interface Dek {
  readonly dekId: string;
  readonly key: Buffer;
}

/** Data keys per user or investigation and quarter, wrapped at rest, cached in memory. */
@Injectable()
export class Vault {
  readonly #cache = new Map<string, Dek>();
  readonly #making = new Map<string, Promise<Dek>>();
  /** Keys that transactions in flight made or read; they are shared once durable. */
  readonly #uncommitted = new WeakMap<Tx, Map<string, Dek>>();

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: VaultRepository,
    private readonly keys: KeyRing,
  ) {}

  /** The data key of a scope when it is at hand. */
  cached(scope: DekScope): Dek | undefined {
    return this.#cache.get(cacheKey(scope));
  }

  /** The data key of a scope, made and durable when it is the first. Concurrent calls for one scope share the work. */
  async dekOf(scope: DekScope): Promise<Dek> {
    const known = this.cached(scope);
    if (known !== undefined) return known;
    const key = cacheKey(scope);
    const running = this.#making.get(key) ?? this.#make(scope);
    this.#making.set(key, running);
    try {
      return await running;
    } finally {
      this.#making.delete(key);
    }
  }

  /** The data key of a scope inside a transaction: it needs no second connection, of which a full pool has none. */
  async dekIn(tx: Tx, scope: DekScope): Promise<Dek> {
    const key = cacheKey(scope);
    const own = this.#uncommitted.get(tx) ?? new Map<string, Dek>();
    const dek = this.#cache.get(key) ?? own.get(key) ?? (await this.#load(tx, scope));
    this.#uncommitted.set(tx, own.set(key, dek));
    return dek;
  }

  /** The transaction of {@link dekIn} is over. */
  ended(tx: Tx, committed: boolean): void {
    const own = this.#uncommitted.get(tx);
    this.#uncommitted.delete(tx);
    if (committed) for (const [key, dek] of own ?? []) this.#keep(key, dek);
  }

  /** A data key by id, as far as it can be had here. */
  async findDek(tx: Tx, dekId: string): Promise<DekState> {
    const wrapped = await this.repository.findDek(tx, dekId);
    if (wrapped === undefined) return 'absent';
    const kek = this.keys.kekIfPresent(wrapped.quarter);
    return kek === undefined ? 'locked' : (unwrap(kek, wrapped)?.key ?? 'damaged');
  }

  /** An encrypted body. */
  findContent(
    tx: Tx,
    place: { readonly logId: number; readonly months: readonly string[]; readonly id: string },
  ): Promise<StoredBody | undefined> {
    return this.repository.findContent(tx, place);
  }

  async #make(scope: DekScope): Promise<Dek> {
    const dek = await this.unitOfWork.run((tx) => this.#load(tx, scope));
    this.#keep(cacheKey(scope), dek);
    return dek;
  }

  async #load(tx: Tx, scope: DekScope): Promise<Dek> {
    const kek = this.keys.kek(scope.quarter);
    const candidate = wrap(kek, { dekId: newId(), key: randomBytes(DEK_BYTES) }, scope.quarter);
    const dek = unwrap(kek, await this.repository.putDek(tx, scope, candidate));
    if (dek === undefined) {
      throw new Error(
        `A data key of ${scope.quarter} does not open: AIP_AUDIT_KEK_DIR holds another key for that quarter`,
      );
    }
    return dek;
  }

  #keep(key: string, dek: Dek): void {
    // The oldest entry goes first: insertion order is close enough to age here.
    if (this.#cache.size >= MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value ?? '');
    this.#cache.set(key, dek);
  }
}

function cacheKey({ logId, class: of, subjectTag, quarter }: DekScope): string {
  return `${String(logId)}|${of}|${subjectTag}|${quarter}`;
}

function wrap(kek: Buffer, dek: Dek, quarter: string): WrappedDek {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', kek, nonce);
  cipher.setAAD(Buffer.from(dek.dekId));
  const wrapped = Buffer.concat([nonce, cipher.update(dek.key), cipher.final(), cipher.getAuthTag()]);
  return { dekId: dek.dekId, wrapped, quarter };
}

function unwrap(kek: Buffer, { dekId, wrapped }: WrappedDek): Dek | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', kek, wrapped.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(dekId));
    decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
    const key = Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return { dekId, key };
  } catch {
    return undefined;
  }
}
