import { Injectable } from '@nestjs/common';

import { MeteringService, PostedWindows, type ChargeChange, type MovedWindows } from '../metering/index.js';
import { Clock } from '../platform/clock/index.js';
import type { Tx } from '../platform/database/index.js';
import { picoUsd, type PicoUsd } from '../platform/money/index.js';
import type { Delta } from './domain/decide-holds.js';
import { BalanceRepository } from './persistence/balance.repository.js';
import { ThresholdWatch } from './threshold-watch.js';

/** Moves what is posted of running windows when a charge changes afterwards, on the balances that carried the charge itself. */
@Injectable()
export class ChangedCharges extends PostedWindows {
  constructor(
    private readonly metering: MeteringService,
    private readonly balances: BalanceRepository,
    private readonly watch: ThresholdWatch,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async change(tx: Tx, changes: readonly ChargeChange[]): Promise<ReadonlyMap<string, MovedWindows>> {
    const nowMs = this.clock.nowMs();
    const posted = await this.metering.findPostedBalances(
      tx,
      changes.map(({ requestId }) => requestId),
    );
    const running = await this.balances.findRunningCost(tx, [...new Set([...posted.values()].flat())], nowMs);
    const moved = new Map<string, MovedWindows>();
    const deltas = new Map<number, Delta>();
    for (const { requestId, currency, amount } of changes) {
      const ids = (posted.get(requestId) ?? []).filter((id) => running.get(id) === currency);
      if (ids.length === 0) continue;
      moved.set(requestId, { balanceIds: ids, postedDeltas: ids.map((): PicoUsd => amount) });
      for (const id of ids) {
        const before = deltas.get(id);
        deltas.set(id, { held: 0n, asked: 0n, posted: picoUsd((before?.posted ?? 0n) + amount) });
      }
    }
    const balances = await this.balances.move(tx, deltas);
    await this.watch.moved(tx, balances, nowMs);
    return moved;
  }
}
