import { Injectable } from '@nestjs/common';

import { MeteringService } from '../metering/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { formatAmount, ZERO, type PicoUsd } from '../platform/money/index.js';
import type { Hold } from './domain/hold.js';
import { BalanceRepository } from './persistence/balance.repository.js';

const MAX_FINDINGS = 1_000;

/** A place where ledger, balances, holds or usage disagree. Amounts as decimals. */
export interface LedgerFinding {
  readonly kind:
    | 'balance_held'
    | 'balance_posted'
    | 'hold_unbalanced'
    | 'hold_order'
    | 'hold_state'
    | 'hold_amount'
    | 'request_charge';
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
        const compare = (kind: 'balance_held' | 'balance_posted', a: PicoUsd, b: PicoUsd): void => {
          if (a !== b) findings.push({ kind, id: String(id), ledger: formatAmount(a), other: formatAmount(b) });
        };
        compare('balance_held', entries.held, balance.held);
        compare('balance_posted', entries.posted, balance.posted);
      }
      for (const id of await this.metering.findUnbalancedHolds(tx)) {
        findings.push({ kind: 'hold_unbalanced', id, ledger: 'resolved', other: 'does not give back what it took' });
      }
      for (const id of await this.metering.findDisorderedHolds(tx)) {
        findings.push({ kind: 'hold_order', id, ledger: 'not HOLD, changes, one end', other: '' });
      }
      let matched = 0;
      const holds = await this.balances.findOpenHolds(tx);
      findings.push(...unequalLines(holds, await this.metering.findHeldByHold(tx)));
      const open = new Set(holds.map(({ id }) => id));
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

/** Open holds against the sum of their entries, line by line. */
function unequalLines(holds: readonly Hold[], ledger: ReadonlyMap<string, PicoUsd>): readonly LedgerFinding[] {
  return holds.flatMap(({ id, lines }) =>
    lines.flatMap(({ balanceId, amount }): LedgerFinding[] => {
      const held = ledger.get(`${id}|${String(balanceId)}`) ?? ZERO;
      if (held === amount) return [];
      return [{ kind: 'hold_amount', id, ledger: formatAmount(held), other: formatAmount(amount) }];
    }),
  );
}
