import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import { CLOSE_MS } from '../domain/rollup-times.js';
import { RollupRepository, type RollupComparison, type RollupState } from '../persistence/rollup.repository.js';
import { UsageRecordRepository } from '../persistence/usage-record.repository.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_DIRTY = 24;

/** What the reports may rely on. */
export interface RollupView {
  /** Null: nothing is summed yet. */
  readonly state: RollupState | null;
  /** The instant whose knowledge a report has: now, or when the oldest change came that no rollup knows yet. */
  readonly asOfMs: number;
}

/** The day that a comparison found to differ. */
export type RollupDifference = RollupComparison;

const floorTo = (atMs: number, unitMs: number): number => Math.floor(atMs / unitMs) * unitMs;

/** Keeps the sums of usage per hour and day, and compares them with the records and with the ledger. */
@Injectable()
export class RollupsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
    private readonly rollups: RollupRepository,
    private readonly usage: UsageRecordRepository,
  ) {}

  /** Sums what came to an end since the last time and what changed after it was summed: at most a day per transaction, until done
   *  or `untilMs` passed. Any number of replicas may call it; one works. Returns whether everything is summed. */
  async refresh(untilMs = Number.MAX_SAFE_INTEGER): Promise<boolean> {
    for (;;) {
      const isDone = await this.unitOfWork.run((tx) => this.#step(tx));
      if (isDone || this.clock.nowMs() >= untilMs) return isDone;
    }
  }

  /** Where reports must look. */
  async view(tx: Tx): Promise<RollupView> {
    const state = await this.rollups.findState(tx);
    const staleSinceMs = await this.rollups.findStaleSince(tx);
    return { state: state ?? null, asOfMs: staleSinceMs ?? this.clock.nowMs() };
  }

  /** Says that the hours of these instants must be summed again; in the transaction that changes them. */
  async markChanged(tx: Tx, instants: readonly number[]): Promise<void> {
    await this.usage.markLate(tx, instants, this.clock.nowMs());
  }

  /** Compares the last `days` whole days, sums those anew whose rollups differ from their records, keeps the result and returns
   *  what differs even so. `days`: 1…62. */
  async check(days: number): Promise<readonly RollupDifference[]> {
    return this.unitOfWork.run(async (tx) => {
      const state = await this.rollups.findState(tx);
      if (state === undefined || !(await this.rollups.lock(tx))) return [];
      const toMs = state.daysUntilMs;
      const fromMs = toMs - days * DAY_MS;
      const before = await this.rollups.compare(tx, fromMs, toMs);
      for (const day of new Set(before.filter(({ usage, rollup }) => usage !== rollup).map((one) => one.day))) {
        await this.#rebuild(tx, Date.parse(day), Date.parse(day) + DAY_MS, state);
      }
      await this.rollups.saveChecks(tx, fromMs, toMs, this.clock.nowMs());
      const after = await this.rollups.compare(tx, fromMs, toMs);
      return after.filter(({ usage, rollup, ledger }) => usage !== rollup || usage !== ledger);
    });
  }

  async #step(tx: Tx): Promise<boolean> {
    if (!(await this.rollups.lock(tx))) return true;
    const nowMs = this.clock.nowMs();
    const state = (await this.rollups.findState(tx)) ?? (await this.#firstState(tx, nowMs));
    const dirty = (await this.rollups.takeDirty(tx, MAX_DIRTY)).filter((hour) => hour < state.hoursUntilMs);
    for (const hour of dirty) await this.#rebuild(tx, hour, hour + HOUR_MS, state);
    const closedMs = floorTo(nowMs - CLOSE_MS, HOUR_MS);
    const hoursUntilMs = Math.max(state.hoursUntilMs, Math.min(closedMs, floorTo(state.hoursUntilMs, DAY_MS) + DAY_MS));
    const daysUntilMs = floorTo(hoursUntilMs, DAY_MS);
    const next = { hoursUntilMs, daysUntilMs };
    if (hoursUntilMs > state.hoursUntilMs) await this.rollups.rebuildHours(tx, state.hoursUntilMs, hoursUntilMs);
    if (daysUntilMs > state.daysUntilMs) await this.rollups.rebuildDays(tx, state.daysUntilMs, daysUntilMs);
    await this.rollups.saveState(tx, next, nowMs);
    return hoursUntilMs >= closedMs && dirty.length < MAX_DIRTY;
  }

  async #firstState(tx: Tx, nowMs: number): Promise<RollupState> {
    const firstMs = (await this.rollups.findFirstUsage(tx)) ?? nowMs - CLOSE_MS;
    const hoursUntilMs = Math.min(floorTo(firstMs, HOUR_MS), floorTo(nowMs - CLOSE_MS, HOUR_MS));
    return { hoursUntilMs, daysUntilMs: floorTo(hoursUntilMs, DAY_MS) };
  }

  /** Hours that are summed, and the days they belong to as far as those are. */
  async #rebuild(tx: Tx, fromMs: number, toMs: number, state: RollupState): Promise<void> {
    await this.rollups.rebuildHours(tx, fromMs, Math.min(toMs, state.hoursUntilMs));
    const day = floorTo(fromMs, DAY_MS);
    if (day < state.daysUntilMs) await this.rollups.rebuildDays(tx, day, day + DAY_MS);
  }
}
