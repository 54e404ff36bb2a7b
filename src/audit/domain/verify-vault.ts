import { hash } from 'node:crypto';

import { canonical, type JsonValue } from './canonical.js';
import { digestOf, openDisclosure } from './commitment.js';
import type { ReadCore } from './core-check.js';
import type { Findings } from './finding.js';
import { sealedClassesOf } from './record-type.js';
import { decrypt, openTexts, unpackBlobs, type VaultBlob } from './vault-blob.js';

/** A data key as far as it can be had: `absent`: its row is gone; `locked`: the key-encryption key is not here;
 *  `damaged`: it does not open with the key-encryption key of its quarter. */
export type DekState = Buffer | 'absent' | 'locked' | 'damaged';

/** A body that a disclosure names: where it is kept and what it must be. */
export interface BodyClaim {
  readonly contentId: string;
  readonly dek: Buffer;
  readonly dekId: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly sha512: string;
  readonly sha3: string;
  readonly where: string;
}

/** A body as it is stored. */
export interface StoredBody {
  readonly dekId: string;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

/** The vault of one batch and the cores it belongs to. */
export interface VaultBatch {
  readonly origin: string;
  readonly lane: string;
  readonly n0: number;
  readonly cores: readonly (ReadCore | undefined)[];
  /** The stored bytes; null when there is no row. */
  readonly vault: Buffer | null;
}

/** The data keys that a batch's vault names, in order of first use. Malformed bytes name none. */
export function dekIdsOf(vault: Buffer | null): readonly string[] {
  const blobs = vault === null ? [] : (unpackBlobs(vault) ?? []);
  return [...new Set(blobs.map(({ dekId }) => dekId))];
}

function claimOf(value: JsonValue, found: { dek: Buffer; dekId: string; where: string }): BodyClaim | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const body = value as Readonly<Record<string, JsonValue>>;
  const { content, bytes, sha256, sha512, 'sha3-256': sha3 } = body;
  if (typeof content !== 'string' || typeof bytes !== 'number') return undefined;
  if (typeof sha256 !== 'string' || typeof sha512 !== 'string' || typeof sha3 !== 'string') return undefined;
  return { contentId: content, bytes, sha256, sha512, sha3, ...found };
}

/** Opens the blobs of batches and holds every disclosure against the commitments. Nothing throws. Attacker-controlled. */
export class VaultCheck {
  /** Blobs whose key-encryption key is not here. */
  locked = 0;

  constructor(private readonly findings: Findings) {}

  /** Checks one batch; returns the bodies it names. `deks`: a state for each of {@link dekIdsOf}. */
  batch(batch: VaultBatch, deks: ReadonlyMap<string, DekState>): readonly BodyClaim[] {
    const blobs = batch.vault === null ? [] : unpackBlobs(batch.vault);
    if (blobs === undefined) {
      this.findings.add('E_DISCLOSURE', `${batch.lane}/${String(batch.n0)}: vault of another form`);
      return [];
    }
    this.#requireSealed(batch, blobs);
    const taken = new Set<string>();
    return blobs.flatMap((blob) => {
      const where = `${batch.lane}/${String(batch.n0 + blob.index)}`;
      const core = batch.cores[blob.index];
      const place = `${String(blob.index)}${blob.class}`;
      if (blob.index >= batch.cores.length || taken.has(place)) {
        this.findings.add('E_DISCLOSURE', where);
        return [];
      }
      taken.add(place);
      return core === undefined
        ? []
        : this.#blob(blob, { core, where, origin: batch.origin, dek: deks.get(blob.dekId) });
    });
  }

  /** Compares a stored body with what its disclosure says. */
  body(origin: string, claim: BodyClaim, stored: StoredBody | undefined): void {
    const aad = Buffer.from(canonical([origin, claim.contentId, claim.dekId]));
    const plain = stored?.dekId === claim.dekId ? decrypt(claim.dek, stored, aad) : undefined;
    const isGood =
      plain?.length === claim.bytes &&
      hash('sha256', plain, 'hex') === claim.sha256 &&
      hash('sha512', plain, 'hex') === claim.sha512 &&
      hash('sha3-256', plain, 'hex') === claim.sha3;
    if (!isGood) this.findings.add('E_CONTENT', claim.where);
  }

  /** Types that always disclose something must have the blobs. */
  #requireSealed({ cores, lane, n0 }: VaultBatch, blobs: readonly VaultBlob[]): void {
    const present = new Set(blobs.map((blob) => `${String(blob.index)}${blob.class}`));
    for (const [index, core] of cores.entries()) {
      if (core === undefined) continue;
      if (sealedClassesOf(core.type).some((of) => !present.has(`${String(index)}${of}`))) {
        this.findings.add('E_MISSING_VAULT', `${lane}/${String(n0 + index)}`);
      }
    }
  }

  #blob(
    blob: VaultBlob,
    { core, where, origin, dek }: { core: ReadCore; where: string; origin: string; dek: DekState | undefined },
  ): readonly BodyClaim[] {
    if (dek === 'locked') {
      this.locked += 1;
      return [];
    }
    if (dek === undefined || dek === 'absent') {
      this.findings.add('E_MISSING_VAULT', where);
      return [];
    }
    const binding = { origin, recordId: core.id, class: blob.class, dekId: blob.dekId };
    const texts = dek === 'damaged' ? undefined : openTexts(dek, blob, binding);
    const committed = new Set(core.sd);
    const opened = texts?.map((text) => (committed.delete(digestOf(text)) ? openDisclosure(text) : undefined));
    if (opened === undefined || dek === 'damaged' || opened.some((one) => one === undefined)) {
      this.findings.add('E_DISCLOSURE', where);
      return [];
    }
    return opened.flatMap((one) => {
      const claim = one === undefined ? undefined : claimOf(one.value, { dek, dekId: blob.dekId, where });
      return claim === undefined ? [] : [claim];
    });
  }
}
