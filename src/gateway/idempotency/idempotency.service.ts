import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import { ProvidersConfig } from '../../platform/config/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { readSecret } from '../../platform/secrets/index.js';
import { IdempotencyRepository } from '../persistence/idempotency.repository.js';

const LIFE_MS = 24 * 3_600_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A finished answer, as it was sent. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The hold a running request has on its key. */
export interface KeyClaim {
  readonly subject: string;
  readonly key: string;
  readonly requestId: string;
}

/** Repeats of a request get its first answer; answers are kept sealed for 24 hours. */
@Injectable()
export class IdempotencyService {
  #sealingKey: Buffer | undefined;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly records: IdempotencyRepository,
    private readonly clock: Clock,
    private readonly config: ProvidersConfig,
  ) {}

  /** Claims the key, or returns the answer of the request that had it.
   *  @throws AppError request_in_progress — the first request still runs; idempotency_key_reused — it was another request */
  async claim(claim: KeyClaim & { readonly fingerprint: Buffer }): Promise<KeptAnswer | undefined> {
    const earlier = await this.unitOfWork.run((tx) =>
      this.records.claim(tx, { ...claim, nowMs: this.clock.nowMs(), lifeMs: LIFE_MS }),
    );
    if (earlier === undefined) return undefined;
    if (!earlier.fingerprint.equals(claim.fingerprint)) {
      throw new AppError(
        'idempotency_key_reused',
        'This Idempotency-Key was used for a different request. Take a new key.',
        {
          param: 'Idempotency-Key',
        },
      );
    }
    if (earlier.answer === null || earlier.status === null) {
      throw new AppError('request_in_progress', 'The first request with this Idempotency-Key is still running.', {
        retryAfterSeconds: 2,
      });
    }
    return this.#open(earlier.answer, earlier.status, claim);
  }

  /** Keeps the answer; one larger than 8 MiB is not kept and frees the key. */
  async keep(claim: KeyClaim, answer: KeptAnswer): Promise<void> {
    if (answer.body.length > MAX_ANSWER_BYTES) {
      await this.free(claim);
      return;
    }
    const sealed = this.#seal(answer, claim);
    await this.unitOfWork.run((tx) => this.records.keep(tx, { ...claim, status: answer.status, answer: sealed }));
  }

  /** Frees the key: the request failed before a partner saw it, or nothing is worth repeating. */
  async free(claim: KeyClaim): Promise<void> {
    await this.unitOfWork.run((tx) => this.records.free(tx, claim));
  }

  #key(): Buffer {
    this.#sealingKey ??= Buffer.from(
      hkdfSync('sha256', readSecret(this.config.encryptionKeyFile), Buffer.alloc(0), 'aip idempotency answers', 32),
    );
    return this.#sealingKey;
  }

  #seal(answer: KeptAnswer, { subject, key }: KeyClaim): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(), nonce);
    cipher.setAAD(Buffer.from(`${subject}\n${key}`));
    const head = Buffer.from(`${JSON.stringify(answer.headers)}\n`);
    const text = Buffer.concat([cipher.update(head), cipher.update(answer.body), cipher.final()]);
    return Buffer.concat([nonce, text, cipher.getAuthTag()]);
  }

  #open(sealed: Buffer, status: number, { subject, key }: KeyClaim): KeptAnswer {
    const decipher = createDecipheriv('aes-256-gcm', this.#key(), sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(`${subject}\n${key}`));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    const end = plain.indexOf(0x0a);
    return {
      status,
      headers: JSON.parse(plain.subarray(0, end).toString('utf8')) as Record<string, string>,
      body: plain.subarray(end + 1),
    };
  }
}
