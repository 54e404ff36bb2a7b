import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { AuditConfig } from '../platform/config/index.js';
import { ensureSecret, makeKey, readSecret } from '../platform/secrets/index.js';
import { Injectable } from '@nestjs/common';
import { writeLine, writeNote } from './domain/note.js';
import { rawPublicKey, readVerifierKey, verifierKey } from './domain/note-key.js';
import { quarterOf } from './domain/period.js';
import { TagMemory } from './tag-memory.js';

const KEY_BYTES = 32;

/** What one log needs to write and to be recognised. */
export interface LogKeys {
  /** Pseudonyms under the log's tag key. */
  readonly tags: TagMemory;
  /** C2SP verifier key of the log. */
  readonly vkey: string;
  /** Signs a text with the log's key; returns the note. Ed25519 is deterministic: one text has one note. */
  sign(text: string): string;
}

function slugOf(origin: string): string {
  return origin.replaceAll(/[^a-z0-9.-]/g, '_');
}

/** Files of the key-encryption keys that are needed now and next: this quarter's and the following one's. */
export function keyEncryptionKeyFiles(config: AuditConfig, nowMs: number): readonly string[] {
  const nextQuarterMs = nowMs + 92 * 86_400_000;
  return [quarterOf(nowMs), quarterOf(nextQuarterMs)].map((quarter) => path.join(config.kekDir, quarter));
}

/** Key files of the evidence log: one signing key and one tag key per log, one key-encryption key per quarter. */
@Injectable()
export class KeyRing {
  readonly #keks = new Map<string, Buffer>();

  constructor(private readonly config: AuditConfig) {}

  /** True when the log's key files are here. */
  has(origin: string): boolean {
    return existsSync(this.#signingFile(origin)) && existsSync(this.#tagFile(origin));
  }

  /** The keys of a log that does not exist yet; made when they are missing. @throws Error when keys may not be made here */
  make(origin: string): LogKeys {
    if (this.has(origin)) return this.open(origin);
    if (!this.config.createMissingKeys) {
      throw new Error(
        `The keys of the evidence log ${origin} are missing in AIP_AUDIT_KEY_DIR. Make them with: aip secrets init`,
      );
    }
    ensureSecret(this.#signingFile(origin), () =>
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
    ensureSecret(this.#tagFile(origin), makeKey);
    return this.open(origin);
  }

  /** Reads the keys of a log. @throws SecretFileError when one is missing: a log without its key stops the start */
  open(origin: string): LogKeys {
    const privateKey = createPrivateKey(readSecret(this.#signingFile(origin)));
    const tagKey = readSecret(this.#tagFile(origin));
    if (tagKey.length !== KEY_BYTES) throw new Error('The tag key of the evidence log must be 32 bytes');
    const vkey = verifierKey(origin, rawPublicKey(createPublicKey(privateKey)));
    const key = readVerifierKey(vkey);
    if (key === undefined) throw new Error(`The name of the evidence log ${origin} cannot stand in a verifier key`);
    return {
      tags: new TagMemory(tagKey),
      vkey,
      sign: (text) => writeNote(text, [writeLine(key, sign(null, Buffer.from(text), privateKey))]),
    };
  }

  /** The key-encryption key of a quarter; made when missing and allowed. */
  kek(quarter: string): Buffer {
    const known = this.#keks.get(quarter);
    if (known !== undefined) return known;
    const file = this.#kekFile(quarter);
    if (this.config.createMissingKeys) ensureSecret(file, makeKey);
    const kek = readSecret(file);
    if (kek.length !== KEY_BYTES) throw new Error(`${file} must hold 32 bytes`);
    this.#keks.set(quarter, kek);
    return kek;
  }

  /** The key-encryption key of a quarter when it is here. */
  kekIfPresent(quarter: string): Buffer | undefined {
    return existsSync(this.#kekFile(quarter)) ? this.kek(quarter) : undefined;
  }

  #signingFile(origin: string): string {
    return path.join(this.config.keyDir, `${slugOf(origin)}.pem`);
  }

  #tagFile(origin: string): string {
    return path.join(this.config.keyDir, `${slugOf(origin)}.tag`);
  }

  #kekFile(quarter: string): string {
    return path.join(this.config.kekDir, quarter);
  }
}
