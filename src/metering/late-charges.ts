import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { ZERO, type PicoUsd } from '../platform/money/index.js';
import type { LedgerEntry } from './domain/ledger-entry.js';
import { ChargeRepository } from './persistence/charge.repository.js';
import { LedgerRepository, type UnconfirmedCharge } from './persistence/ledger.repository.js';
import { RollupsService } from './rollups/rollups.service.js';

/** What a call used beside what it was charged; negative where it was charged too much. */
export interface ChargeCorrection {
  readonly charged: UnconfirmedCharge;
  readonly orgId: string;
  readonly holdId: string;
  readonly amount: PicoUsd;
  /** Balances it is posted on. Never zero. */
  readonly moves: readonly { readonly balanceId: number; readonly posted: PicoUsd }[];
  readonly atMs: number;
}

const REASON = 'the outcome came after the call had been charged as unknown';

/** Charges of calls whose end nobody had seen, and what they turn out to be. */
@Injectable()
export class LateCharges {
  constructor(
    private readonly ledger: LedgerRepository,
    private readonly charges: ChargeRepository,
    private readonly rollups: RollupsService,
  ) {}

  /** What these requests were charged without confirmation, earlier corrections of it included; by request id. */
  async findUnconfirmed(tx: Tx, requestIds: readonly string[]): Promise<ReadonlyMap<string, UnconfirmedCharge>> {
    return this.ledger.findUnconfirmed(tx, requestIds);
  }

  /** Adds one ADJUST per correction and, where money changes, a correction of the charge: the sums of both are the same. */
  async correct(tx: Tx, corrections: readonly ChargeCorrection[]): Promise<void> {
    if (corrections.length === 0) return;
    const entries = corrections.map((one): LedgerEntry => ({
      id: newId(),
      orgId: one.orgId,
      atMs: one.atMs,
      holdId: one.holdId,
      requestId: one.charged.requestId,
      kind: 'ADJUST',
      currency: one.charged.currency,
      amount: one.amount,
      balanceIds: one.moves.map(({ balanceId }) => balanceId),
      heldDeltas: one.moves.map(() => ZERO),
      postedDeltas: one.moves.map(({ posted }) => posted),
      reason: REASON,
      ref: one.holdId,
    }));
    await this.ledger.insert(tx, entries);
    const changed = corrections.flatMap((one, index) => {
      const entry = entries[index];
      return one.amount === ZERO || entry === undefined ? [] : [{ one, entry }];
    });
    await this.charges.insertAdjustments(
      tx,
      changed.map(({ one: { charged, orgId, amount, atMs, holdId }, entry }) => ({
        id: newId(),
        orgId,
        usageId: charged.usageId,
        atMs: charged.usedAtMs,
        requestId: charged.requestId,
        ledgerEntryId: entry.id,
        meter: null,
        currency: charged.currency,
        amount,
        reason: REASON,
        ref: holdId,
        recordedAtMs: atMs,
      })),
    );
    await this.rollups.markChanged(
      tx,
      changed.map(({ one }) => one.charged.usedAtMs),
    );
  }
}
