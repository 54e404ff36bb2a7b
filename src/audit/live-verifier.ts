import { Injectable } from '@nestjs/common';

import { Clock, formatInstant } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { digestOf, openDisclosure } from './domain/commitment.js';
import { PairCheck } from './domain/pair-check.js';
import { SEALED_TYPES } from './domain/record-type.js';
import { openTexts, unpackBlobs } from './domain/vault-blob.js';
import { LaneCheck, type Finding, type ReadCore } from './domain/verify-lane.js';
import { KeyRing } from './key-ring.js';
import { AuditLogRepository, type AuditLog } from './persistence/audit-log.repository.js';
import { BatchReader, type StoredBatch } from './persistence/batch.reader.js';
import { OpenIntentRepository } from './persistence/open-intent.repository.js';
import { Vault } from './vault.js';

const MAX_FINDINGS = 1_000;

/** One of the five lines of a verdict. */
export interface VerdictLine {
  readonly name: 'INTEGRITY' | 'AUTHENTICITY' | 'INDEPENDENCE' | 'COMPLETENESS' | 'FRESHNESS';
  readonly state: 'ok' | 'warn' | 'fail' | 'none' | 'as of';
  readonly text: string;
}

/** What was found out about the logs of a database. */
export interface LiveVerdict {
  readonly ok: boolean;
  readonly lines: readonly VerdictLine[];
  /** At most 1 000. */
  readonly findings: readonly Finding[];
  readonly records: number;
  readonly lanes: number;
}

interface Progress {
  records: number;
  lanes: number;
  open: number;
  unopenedBlobs: number;
  relaxed: boolean;
  newest: string;
  readonly findings: Finding[];
}

/** Verifies every log of the database as it stands: bytes, three chains, leaves, pairs, vault. */
@Injectable()
export class LiveVerifier {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly logs: AuditLogRepository,
    private readonly reader: BatchReader,
    private readonly intents: OpenIntentRepository,
    private readonly vault: Vault,
    private readonly keys: KeyRing,
    private readonly clock: Clock,
  ) {}

  /** Reads everything on one consistent view. `onProgress` hears the number of records, about once per 10 000. */
  async verify(onProgress?: (records: number) => void): Promise<LiveVerdict> {
    return this.unitOfWork.read(async (tx) => {
      const progress: Progress = {
        records: 0,
        lanes: 0,
        open: 0,
        unopenedBlobs: 0,
        relaxed: false,
        newest: '',
        findings: [],
      };
      const logs = await this.logs.findAll(tx);
      const inFlight = await this.intents.count(tx);
      const pairs = new PairCheck();
      for (const log of logs) await this.#verifyLog(tx, log, { progress, pairs, onProgress });
      const { findings, open } = pairs.end(inFlight);
      progress.findings.push(...findings);
      progress.open = open;
      return this.#verdict(progress, logs);
    });
  }

  async #verifyLog(
    tx: Tx,
    log: AuditLog,
    run: { progress: Progress; pairs: PairCheck; onProgress: ((records: number) => void) | undefined },
  ): Promise<void> {
    const stray = await this.reader.countStrayBatches(tx, log.id);
    if (stray > 0)
      run.progress.findings.push({ code: 'E_COUNT', where: `${log.origin}: ${String(stray)} batches without a lane` });
    for (const row of await this.reader.lanes(tx, log.id)) {
      const check = new LaneCheck(log.origin, row.lane);
      run.progress.lanes += 1;
      for (let from = 0; ;) {
        const batches = await this.reader.batches(tx, { logId: log.id, lane: row.lane, from });
        for (const batch of batches) await this.#verifyBatch(tx, batch, { ...run, log, lane: row.lane, check });
        const last = batches.at(-1);
        if (last === undefined) break;
        from = last.n0 + 1;
      }
      check.end({ n: row.n, heads: row });
      run.progress.findings.push(...check.findings);
    }
  }

  async #verifyBatch(
    tx: Tx,
    batch: StoredBatch,
    run: {
      log: AuditLog;
      lane: string;
      check: LaneCheck;
      progress: Progress;
      pairs: PairCheck;
      onProgress: ((records: number) => void) | undefined;
    },
  ): Promise<void> {
    const { progress } = run;
    const cores = run.check.batch(batch);
    for (const [index, core] of cores.entries()) {
      progress.records += 1;
      if (progress.records % 10_000 === 0) run.onProgress?.(progress.records);
      if (core === undefined) continue;
      run.pairs.add(core, `${run.lane}/${String(batch.n0 + index)}`);
      if (core.durability === 'relaxed') progress.relaxed = true;
      if (core.at > progress.newest) progress.newest = core.at;
    }
    if (batch.vault !== null) await this.#verifyVault(tx, batch.vault, { cores, ...run, n0: batch.n0 });
    else if (cores.some((core) => core !== undefined && SEALED_TYPES.has(core.type))) {
      progress.findings.push({ code: 'E_MISSING_VAULT', where: `${run.lane}/${String(batch.n0)}` });
    }
  }

  async #verifyVault(
    tx: Tx,
    bytes: Buffer,
    run: { cores: readonly (ReadCore | undefined)[]; log: AuditLog; lane: string; n0: number; progress: Progress },
  ): Promise<void> {
    const blobs = unpackBlobs(bytes);
    if (blobs === undefined) {
      run.progress.findings.push({ code: 'E_MISSING_VAULT', where: `${run.lane}/${String(run.n0)}` });
      return;
    }
    for (const blob of blobs) {
      const core = run.cores[blob.index];
      const dek = await this.vault.findDek(tx, blob.dekId);
      if (core === undefined) continue;
      if (dek === undefined) {
        run.progress.unopenedBlobs += 1;
        continue;
      }
      const binding = { origin: run.log.origin, recordId: core.id, class: blob.class, dekId: blob.dekId };
      const texts = openTexts(dek.key, blob, binding);
      const committed = new Set(core.sd);
      const good =
        texts?.every((text) => openDisclosure(text) !== undefined && committed.delete(digestOf(text))) ?? false;
      if (!good) run.progress.findings.push({ code: 'E_DISCLOSURE', where: `${run.lane}/${String(core.n)}` });
    }
  }

  #verdict(progress: Progress, logs: readonly AuditLog[]): LiveVerdict {
    const { findings, records, lanes } = progress;
    const codes = [...new Set(findings.map(({ code }) => code))].sort();
    const missing = codes.filter((code) => ['E_COUNT', 'E_OPEN_INTENT', 'E_MISSING_VAULT'].includes(code));
    const broken = codes.filter((code) => !missing.includes(code));
    const withKey = logs.filter(({ origin }) => this.keys.has(origin)).length;
    const lines: VerdictLine[] = [
      {
        name: 'INTEGRITY',
        state: broken.length > 0 ? 'fail' : progress.relaxed ? 'warn' : 'ok',
        text: `${String(records)} records, ${String(lanes)} lanes, 3 algorithms${broken.length > 0 ? `: ${broken.join(' ')}` : ''}${progress.relaxed ? ', W_RELAXED' : ''}`,
      },
      {
        name: 'AUTHENTICITY',
        state: 'none',
        text: `no checkpoint is signed yet; ${String(withKey)} of ${String(logs.length)} logs have their key here`,
      },
      { name: 'INDEPENDENCE', state: 'none', text: 'nobody outside this installation has signed' },
      {
        name: 'COMPLETENESS',
        state: missing.length > 0 ? 'fail' : 'ok',
        text: `every intent has one end; ${String(progress.open)} in flight${missing.length > 0 ? `: ${missing.join(' ')}` : ''}${
          progress.unopenedBlobs > 0 ? `; ${String(progress.unopenedBlobs)} disclosures could not be opened here` : ''
        }`,
      },
      {
        name: 'FRESHNESS',
        state: 'as of',
        text: `${progress.newest === '' ? 'no record' : progress.newest}, checked ${formatInstant(this.clock.nowMs())}`,
      },
    ];
    return { ok: findings.length === 0, lines, findings: findings.slice(0, MAX_FINDINGS), records, lanes };
  }
}
