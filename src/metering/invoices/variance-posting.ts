import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import type { Tx } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { picoUsd, sum, type PicoUsd } from '../../platform/money/index.js';
import { splitByWeight } from '../domain/largest-remainder.js';
import type { ReconciledCell } from '../domain/reconcile.js';
import { ChargeRepository, type ChargeRange } from '../persistence/charge.repository.js';
import { LedgerRepository } from '../persistence/ledger.repository.js';
import { PostedWindows } from '../posted-windows.js';
import { RollupsService } from '../rollups/rollups.service.js';
import { adjustmentEntries, type ChargeShare } from './adjustment-entries.js';

/** Charges that one posting may change. */
const MAX_CHARGES = 200_000;
const BATCH = 5_000;

/** What is posted. */
export interface VarianceWish {
  readonly range: ChargeRange;
  readonly cells: readonly ReconciledCell[];
  readonly reason: string;
  readonly ref: string;
}

/** Makes our charges what the partner billed: the variance of each cell is spread over its charges by largest remainder. */
@Injectable()
export class VariancePosting {
  constructor(
    private readonly charges: ChargeRepository,
    private readonly ledger: LedgerRepository,
    private readonly windows: PostedWindows,
    private readonly rollups: RollupsService,
    private readonly clock: Clock,
  ) {}

  /** Posts the cells' variance and returns its sum. A cell that only the partner has is left out: nobody of ours caused it.
   *  @throws AppError conflict — more charges than one posting may change */
  async post(tx: Tx, wish: VarianceWish): Promise<PicoUsd> {
    const shares: ChargeShare[] = [];
    for (const cell of wish.cells) {
      if (cell.verdict === 'ONLY_THEIRS' || cell.theirs === cell.ours) continue;
      shares.push(...(await this.#sharesOf(tx, wish.range, cell, MAX_CHARGES - shares.length)));
    }
    const { orgId, currency } = wish.range;
    const facts = { orgId, currency, reason: wish.reason, ref: wish.ref, atMs: this.clock.nowMs() };
    const changes = [...Map.groupBy(shares, ({ requestId }) => requestId)].map(([requestId, own]) => ({
      requestId,
      currency,
      amount: sum(own.map(({ share }) => picoUsd(share))),
    }));
    const { entries, adjustments } = adjustmentEntries(shares, facts, await this.windows.change(tx, changes));
    for (let at = 0; at < entries.length; at += BATCH) await this.ledger.insert(tx, entries.slice(at, at + BATCH));
    for (let at = 0; at < adjustments.length; at += BATCH) {
      await this.charges.insertAdjustments(tx, adjustments.slice(at, at + BATCH));
    }
    await this.rollups.markChanged(tx, [...new Set(shares.map(({ atMs }) => atMs))]);
    return sum(shares.map(({ share }) => picoUsd(share)));
  }

  async #sharesOf(tx: Tx, range: ChargeRange, cell: ReconciledCell, left: number): Promise<readonly ChargeShare[]> {
    const charges = await this.charges.findCharges(tx, range, cell, left);
    if (charges.length > left) {
      throw new AppError('conflict', `One posting changes at most ${String(MAX_CHARGES)} charges. Split the invoice.`);
    }
    const shares = splitByWeight(
      cell.theirs - cell.ours,
      // What a charge of no meter takes back weighs as much as what one adds.
      charges.map(({ cost }) => (cost < 0n ? 0n - cost : cost)),
    );
    return charges
      .map((charge, index) => ({ ...charge, meter: cell.meter, share: shares[index] ?? 0n }))
      .filter(({ share }) => share !== 0n);
  }
}
