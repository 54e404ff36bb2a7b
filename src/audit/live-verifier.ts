import { setImmediate } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import { Clock, formatInstant } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import type { ReadCore } from './domain/core-check.js';
import { Findings } from './domain/finding.js';
import { PairCheck } from './domain/pair-check.js';
import { nextMonth, previousMonth } from './domain/period.js';
import { checkClosings, LaneCheck, type LaneClosing, type LaneEnd } from './domain/verify-lane.js';
import { dekIdsOf, VaultCheck, type DekState } from './domain/verify-vault.js';
import { KeyRing } from './key-ring.js';
import { LiveTreeCheck } from './live-tree-check.js';
import type { AuditLog } from './persistence/audit-log.repository.js';
import { BatchReader, type LaneState, type StoredBatch } from './persistence/batch.reader.js';
import { OpenIntentRepository } from './persistence/open-intent.repository.js';
import { LogBook } from './log-book.js';
import { Vault } from './vault.js';
import { verdictOf, type LiveVerdict } from './verdict.js';

const MAX_KEYS = 10_000;
const PROGRESS_EVERY = 10_000;

/** One verification: what it has seen so far. */
class Run {
  readonly findings = new Findings();
  readonly pairs = new PairCheck(this.findings);
  readonly vault = new VaultCheck(this.findings);
  readonly closings: LaneClosing[] = [];
  readonly ends: LaneEnd[] = [];
  readonly deks = new Map<string, DekState>();
  records = 0;
  keysHere = 0;
  keysNamed = 0;
  hasRelaxed = false;
  newest = '';
  checkpoints = 0;
  /** Records that are under a checkpoint, and that are in a tree. */
  signed = 0;
  sequenced = 0;

  constructor(
    readonly tx: Tx,
    private readonly onProgress: ((records: number) => void) | undefined,
  ) {}

  /** Takes the cores of a batch into account. */
  add(cores: readonly (ReadCore | undefined)[]): void {
    for (const core of cores) {
      this.records += 1;
      if (this.records % PROGRESS_EVERY === 0) this.onProgress?.(this.records);
      if (core === undefined) continue;
      this.pairs.add(core);
      if (core.durability === 'relaxed') this.hasRelaxed = true;
      if (core.at > this.newest) this.newest = core.at;
    }
  }
}

/** A lane under verification. */
interface LaneRun {
  readonly run: Run;
  readonly log: AuditLog;
  readonly lane: string;
  readonly check: LaneCheck;
}

/** Verifies every log of the database as it stands: bytes, three chains, leaves, pairs, closings, vault, kept bodies. */
@Injectable()
export class LiveVerifier {
  // eslint-disable-next-line no-restricted-syntax -- it reads everything that a log has
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly logs: LogBook,
    private readonly reader: BatchReader,
    private readonly intents: OpenIntentRepository,
    private readonly vault: Vault,
    private readonly keys: KeyRing,
    private readonly trees: LiveTreeCheck,
    private readonly clock: Clock,
  ) {}

  /** Reads everything on one consistent view, page by page. `onProgress` hears the number of records, once per 10 000. */
  async verify(onProgress?: (records: number) => void): Promise<LiveVerdict> {
    return this.unitOfWork.read(async (tx) => {
      const run = new Run(tx, onProgress);
      const logs = await this.logs.findAll(tx);
      for (const log of logs) await this.#verifyLog(run, log);
      const openIntents = run.pairs.end(await this.intents.findAll(tx));
      checkClosings(run.ends, run.closings, run.findings);
      return verdictOf(run.findings, {
        records: run.records,
        lanes: run.ends.length,
        logs: logs.length,
        keys: { here: run.keysHere, named: run.keysNamed },
        openIntents,
        lockedBlobs: run.vault.locked,
        hasRelaxed: run.hasRelaxed,
        newest: run.newest,
        tree: { checkpoints: run.checkpoints, signed: run.signed, sequenced: run.sequenced },
        checkedAt: formatInstant(this.clock.nowMs()),
      });
    });
  }

  async #verifyLog(run: Run, log: AuditLog): Promise<void> {
    const strays = await this.reader.countStrays(run.tx, log.id);
    if (strays.batches > 0) run.findings.add('E_COUNT', `${log.origin}: ${String(strays.batches)} batches of no lane`);
    if (strays.vaults > 0)
      run.findings.add('E_DISCLOSURE', `${log.origin}: ${String(strays.vaults)} vaults of no batch`);
    const months = await this.reader.months(run.tx, log.id);
    const genesis: string[] = [];
    for (const state of await this.reader.lanes(run.tx, log.id)) {
      await this.#verifyLane({ run, log, state, months, genesis });
    }
    this.#verifyGenesis(run, log, genesis);
    const vkey = this.keys.has(log.origin) ? this.keys.open(log.origin).vkey : (genesis[0] ?? '');
    const tree = await this.trees.check(run.tx, log, vkey, run.findings);
    run.checkpoints += tree.checkpoints;
    run.signed += tree.signedSize;
    run.sequenced += tree.size;
  }

  async #verifyLane(of: {
    readonly run: Run;
    readonly log: AuditLog;
    readonly state: LaneState;
    readonly months: readonly string[];
    readonly genesis: string[];
  }): Promise<void> {
    const { run, log, state, genesis } = of;
    const { lane, n, closed } = state;
    const check = new LaneCheck(log.origin, lane, run.findings);
    run.pairs.lane(lane);
    for (const month of of.months) {
      for (let from = 0; ;) {
        const batches = await this.reader.batches(run.tx, { logId: log.id, lane, month, from });
        for (const batch of batches) {
          const cores = await this.#verifyBatch({ run, log, lane, check }, batch);
          genesis.push(...cores.flatMap((core) => vkeyOf(core)));
          // Calls that wait come first.
          await setImmediate();
        }
        const last = batches.at(-1);
        if (last === undefined) break;
        from = last.n0 + 1;
      }
    }
    check.end({ n, heads: state });
    run.closings.push(...check.closings);
    run.ends.push({ lane, n, heads: state, closed, closesItself: check.closesItself });
  }

  async #verifyBatch(lane: LaneRun, batch: StoredBatch): Promise<readonly (ReadCore | undefined)[]> {
    const { run, log } = lane;
    const cores = lane.check.batch(batch);
    run.add(cores);
    const deks = await this.#deksOf(run, batch);
    const claims = run.vault.batch(
      { origin: log.origin, lane: lane.lane, n0: batch.n0, cores, vault: batch.vault },
      deks,
    );
    // A body is encrypted before its record is linked: at a turn of the month it may lie in the month before.
    const months = [previousMonth(batch.month), batch.month, nextMonth(batch.month)];
    for (const claim of claims) {
      run.vault.body(
        log.origin,
        claim,
        await this.vault.findContent(run.tx, { logId: log.id, months, id: claim.contentId }),
      );
    }
    return cores;
  }

  /** States of the data keys that a batch names; kept for the next batches. */
  async #deksOf(run: Run, batch: StoredBatch): Promise<ReadonlyMap<string, DekState>> {
    const states = new Map<string, DekState>();
    for (const dekId of dekIdsOf(batch.vault)) {
      const state = run.deks.get(dekId) ?? (await this.vault.findDek(run.tx, dekId));
      if (run.deks.size >= MAX_KEYS) run.deks.clear();
      run.deks.set(dekId, state);
      states.set(dekId, state);
    }
    return states;
  }

  /** Each log has one genesis, and it names the key that lies here. */
  #verifyGenesis(run: Run, log: AuditLog, vkeys: readonly string[]): void {
    if (vkeys.length !== 1) run.findings.add('E_SCHEMA', `${log.origin}: ${String(vkeys.length)} genesis records`);
    if (!this.keys.has(log.origin)) return;
    run.keysHere += 1;
    if (vkeys[0] === this.keys.open(log.origin).vkey) run.keysNamed += 1;
    else run.findings.add('E_UNTRUSTED_KEY', log.origin);
  }
}

function vkeyOf(core: ReadCore | undefined): readonly string[] {
  if (core?.type !== 'log.genesis') return [];
  const { vkey } = core.pub;
  return [typeof vkey === 'string' ? vkey : ''];
}
