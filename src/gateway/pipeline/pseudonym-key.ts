import { createHmac, hkdfSync } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { ProvidersConfig } from '../../platform/config/index.js';
import { readSecret } from '../../platform/secrets/index.js';

const MAX_CACHED = 10_000;

/** What partners get instead of a user's id: the same for the same user, and meaningless to them. */
@Injectable()
export class PseudonymKey {
  readonly #cache = new Map<string, string>();
  #key: Buffer | undefined;

  constructor(private readonly config: ProvidersConfig) {}

  /** 32 lower-case hex digits. */
  of(userId: string): string {
    const known = this.#cache.get(userId);
    if (known !== undefined) return known;
    this.#key ??= Buffer.from(
      hkdfSync('sha256', readSecret(this.config.encryptionKeyFile), Buffer.alloc(0), 'aip user pseudonyms', 32),
    );
    const pseudonym = createHmac('sha256', this.#key).update(userId).digest('hex').slice(0, 32);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(userId, pseudonym);
    return pseudonym;
  }
}
