import { Injectable } from '@nestjs/common';

import { MeteringService } from '../metering/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { formatAmount, ZERO } from '../platform/money/index.js';
import { BalanceRepository } from './persistence/balance.repository.js';

const MAX_FINDINGS = 1_000;

/** A place where ledger, balances, holds or usage disagree. Amounts as decimals. */
export interface LedgerFinding {
  readonly kind: 'balance_held' | 'balance_posted' | 'hold_unbalanced' | 'hold_state' | 'request_charge';
  readonly id: string;
  readonly ledger: string;
  readonly other: string;
}

/** Invariants 2, 3 and 4 of the money page, over everything that was ever written. */
@Injectable()
export class LedgerCheck {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly metering: MeteringService,
    private readonly balances: BalanceRepository,
  ) {}

  /** Reads one consistent view; at most 1 000 findings, empty when clean. */
  async run(): Promise<readonly LedgerFinding[]> {
    return this.unitOfWork.read(async (tx) => {
      const findings: LedgerFinding[] = [];
      const ledger = new Map((await this.metering.findBalanceTotals(tx)).map((one) => [one.balanceId, one]));
      for (const [id, balance] of await this.balances.findAllTotals(tx)) {
        const entries = ledger.get(id) ?? { held: ZERO, posted: ZERO };
        const compare = (kind: 'balance_held' | 'balance_posted', a: typeof ZERO, b: typeof ZERO): void => {
          if (a !== b) findings.push({ kind, id: String(id), ledger: formatAmount(a), other: formatAmount(b) });
        };
        compare('balance_held', entries.held, balance.held);
        compare('balance_posted', entries.posted, balance.posted);
      }
      for (const id of await this.metering.findUnbalancedHolds(tx)) {
        findings.push({ kind: 'hold_unbalanced', id, ledger: 'resolved', other: 'does not give back what it took' });
      }
      let matched = 0;
      const open = new Set(await this.balances.findOpenHoldIds(tx));
      for (const id of await this.metering.findOpenHolds(tx, MAX_FINDINGS)) {
        if (!open.delete(id)) findings.push({ kind: 'hold_state', id, ledger: 'open', other: 'resolved' });
        else matched += 1;
      }
      // What is left has no entry that opened it, unless the list above was cut.
      if (matched < MAX_FINDINGS) {
        for (const id of open) findings.push({ kind: 'hold_state', id, ledger: 'absent or resolved', other: 'open' });
      }
      for (const { requestId, used, charged } of await this.metering.findMismatchedRequests(tx)) {
        findings.push({
          kind: 'request_charge',
          id: requestId,
          ledger: formatAmount(charged),
          other: formatAmount(used),
        });
      }
      return findings.slice(0, MAX_FINDINGS);
    });
  }
}
