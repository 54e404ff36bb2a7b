import { Injectable } from '@nestjs/common';

import { LateCharges, type ChargeCorrection } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import { picoUsd, ZERO, type PicoUsd } from '../platform/money/index.js';
import { postedOn, type Settle } from './domain/hold.js';

/** What an outcome that came late changes: its entry, and the balances it moves. */
export interface Correction extends ChargeCorrection {
  readonly moves: readonly { readonly balanceId: number; readonly posted: PicoUsd }[];
}

/** Calls that were charged conservatively because nobody saw their end, and whose end comes after all: the difference is posted
 *  as ADJUST on the balances of the call's own windows, never a second SETTLE. Source: money page §6, §8. */
@Injectable()
export class LateTruth {
  constructor(private readonly charges: LateCharges) {}

  /** What has to be corrected; nothing for calls that were not charged conservatively, or were corrected already. */
  async correctionsOf(tx: Tx, settles: readonly Settle[], nowMs: number): Promise<readonly Correction[]> {
    if (settles.length === 0) return [];
    const known = await this.charges.findUnconfirmed(
      tx,
      settles.map(({ hold }) => hold.requestId),
    );
    return settles.flatMap((settle) => {
      const { hold, posted } = settle;
      const charged = known.get(hold.requestId);
      if (charged?.currency !== posted.currency) return [];
      const moves = hold.lines
        .map((line) => ({
          balanceId: line.balanceId,
          posted: picoUsd(postedOn(line, settle) - (charged.posted.get(line.balanceId) ?? ZERO)),
        }))
        .filter((move) => move.posted !== ZERO);
      const amount = picoUsd(posted.amount - charged.cost);
      if (amount === ZERO && moves.length === 0) return [];
      return [{ charged, orgId: hold.orgId, holdId: hold.id, amount, moves, atMs: nowMs }];
    });
  }

  /** Writes the corrections; their balances are moved by the caller. */
  async post(tx: Tx, corrections: readonly Correction[]): Promise<void> {
    await this.charges.correct(tx, corrections);
  }
}
