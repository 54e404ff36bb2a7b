import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import type { DisclosureClass } from './domain/commitment.js';
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

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: VaultRepository,
    private readonly keys: KeyRing,
  ) {}

  /** The data key of a scope when it is at hand. */
  cached(scope: DekScope): Dek | undefined {
    return this.#cache.get(cacheKey(scope));
  }

  /** The data key of a scope, made and durable when it is the first. */
  async dekOf(scope: DekScope): Promise<Dek> {
    const known = this.cached(scope);
    if (known !== undefined) return known;
    const kek = this.keys.kek(scope.quarter);
    const candidate = wrap(kek, { dekId: newId(), key: randomBytes(DEK_BYTES) }, scope.quarter);
    const stored = await this.unitOfWork.run((tx) => this.repository.putDek(tx, scope, candidate));
    const dek = unwrap(kek, stored);
    if (dek === undefined) throw new Error('A data key does not open with its key-encryption key');
    // The oldest entry goes first: insertion order is close enough to age here.
    if (this.#cache.size >= MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value ?? '');
    this.#cache.set(cacheKey(scope), dek);
    return dek;
  }

  /** A data key by id; undefined after an erasure or where its key-encryption key is not. */
  async findDek(tx: Tx, dekId: string): Promise<Dek | undefined> {
    const wrapped = await this.repository.findDek(tx, dekId);
    if (wrapped === undefined) return undefined;
    const kek = this.keys.kekIfPresent(wrapped.quarter);
    return kek === undefined ? undefined : unwrap(kek, wrapped);
  }
}

function cacheKey({
  logId,
  class: of,
  subjectTag,
  quarter,
}: {
  logId: number;
  class: DisclosureClass;
  subjectTag: string;
  quarter: string;
}): string {
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
