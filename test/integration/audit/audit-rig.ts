import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { INestApplicationContext, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';

import {
  AuditModule,
  AuditService,
  LiveVerifier,
  type LiveVerdict,
  type PreparedRecord,
  type Receipt,
  type RecordDraft,
} from '../../../src/audit/index.js';
import { Clock, ClockModule, SystemClock } from '../../../src/platform/clock/index.js';
import { ConfigModule, loadConfig } from '../../../src/platform/config/index.js';
import { DatabaseModule, UnitOfWork, type Tx } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { createLogger, LoggingModule } from '../../../src/platform/logging/index.js';
import { ReplicaModule } from '../../../src/platform/replica/index.js';
import { SnapshotModule } from '../../../src/platform/snapshot/index.js';
import { TelemetryModule } from '../../../src/platform/telemetry/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** The machine's clock, moved. */
export class ShiftedClock extends SystemClock {
  #shiftMs = 0;

  /** From now on it is `atMs`, and time goes on from there. */
  moveTo(atMs: number): void {
    this.#shiftMs = atMs - super.nowMs();
  }

  override nowMs(): number {
    return super.nowMs() + this.#shiftMs;
  }

  override nowMicros(): number {
    return super.nowMicros() + this.#shiftMs * 1000;
  }
}

/** One process that writes to the log. */
export class Writer {
  readonly audit: AuditService;
  readonly unitOfWork: UnitOfWork;

  constructor(readonly app: INestApplicationContext) {
    this.audit = app.get(AuditService);
    this.unitOfWork = app.get(UnitOfWork);
  }

  get<T>(type: Type<T>): T {
    return this.app.get(type);
  }

  /** One flush of a slot, as the gateway's group commit runs it. `spoils`: it fails after the append. */
  async flush(
    slot: number,
    records: readonly PreparedRecord[],
    options: { readonly before?: (tx: Tx) => Promise<void>; readonly spoils?: boolean } = {},
  ): Promise<readonly Receipt[]> {
    try {
      const receipts = await this.unitOfWork.run(async (tx) => {
        await options.before?.(tx);
        const appended = await this.audit.appendRequestRecords(tx, slot, records);
        if (options.spoils === true) throw new Error('spoilt');
        return appended;
      });
      this.audit.flushCommitted(slot);
      return receipts;
    } catch (error) {
      this.audit.flushRolledBack(slot);
      throw error;
    }
  }

  /** A whole call: intent, then attempt and outcome. Returns their receipts. */
  async call(slot: number, draft: Partial<RecordDraft> & { readonly orgId: string }): Promise<readonly Receipt[]> {
    const requestId = newId();
    const intent = await this.audit.prepare(anIntent(requestId, draft));
    const row = { requestId, intentId: intent.id, deadlineAtMs: 4_000_000_000_000, orgId: draft.orgId };
    const opened = await this.flush(slot, [intent], {
      before: (tx) => this.audit.insertOpenIntents(tx, slot, [row]),
    });
    const ends = [
      await this.audit.prepare(anAttempt(requestId, draft.orgId)),
      await this.audit.prepare(anOutcome(requestId, draft.orgId)),
    ];
    const ended = await this.flush(slot, ends, {
      before: async (tx) => {
        await this.audit.takeOpenIntents(tx, [requestId]);
      },
    });
    return [...opened, ...ended];
  }

  verify(): Promise<LiveVerdict> {
    return this.get(LiveVerifier).verify();
  }
}

export function anIntent(requestId: string, draft: Partial<RecordDraft> & { readonly orgId: string }): RecordDraft {
  return {
    type: 'ai.request.intent',
    actor: { kind: 'user', id: 'ann' },
    caseId: 'case-1',
    pub: { model: 'fast', req: requestId },
    disclosures: [
      { class: 'o', name: 'user', value: 'ann' },
      { class: 's', name: 'case.id', value: 'OP-ALDER' },
    ],
    bodies: [{ name: 'prompt', bytes: Buffer.from('Who was there?'), mediaType: 'text/plain', keep: true }],
    ...draft,
  };
}

export function anAttempt(requestId: string, orgId: string): RecordDraft {
  return { type: 'ai.attempt', orgId, actor: null, caseId: null, pub: { req: requestId, seq: 1, status: 'ok' } };
}

export function anOutcome(requestId: string, orgId: string): RecordDraft {
  return {
    type: 'ai.request.outcome',
    orgId,
    actor: { kind: 'user', id: 'ann' },
    caseId: 'case-1',
    pub: { req: requestId, status: 'ok' },
    bodies: [{ name: 'response', bytes: Buffer.from('Nobody.'), mediaType: 'text/plain', keep: true }],
  };
}

/** A database, a directory of keys, and writers that share both. */
export class AuditRig {
  readonly #writers: INestApplicationContext[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly dataDir: string,
  ) {}

  static async start(): Promise<AuditRig> {
    return new AuditRig(await createTestDatabase(), await mkdtemp(path.join(tmpdir(), 'aip-audit-')));
  }

  /** Starts one more process. */
  async writer(
    clock: Clock = new SystemClock(),
    environment: Readonly<Record<string, string>> = {},
    url = this.database.url,
  ): Promise<Writer> {
    const config = loadConfig({ AIP_DATA_DIR: this.dataDir, ...environment }, '1.2.3');
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        ClockModule,
        LoggingModule.forRoot(createLogger('silent', new SystemClock())),
        DatabaseModule.forRoot({ url, poolSize: 8 }),
        SnapshotModule,
        ReplicaModule,
        TelemetryModule,
        AuditModule,
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    await module.init();
    this.#writers.push(module);
    return new Writer(module);
  }

  async stop(): Promise<void> {
    for (const writer of this.#writers) await writer.close();
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
