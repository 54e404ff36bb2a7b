import { Injectable } from '@nestjs/common';

import { AuditService, formatReceipt, type PreparedRecord, type Receipt } from '../../audit/index.js';
import { BudgetsService, type Hold, type Verdict } from '../../budgets/index.js';
import { MeteringService } from '../../metering/index.js';
import { Clock } from '../../platform/clock/index.js';
import type { Flush, Tx } from '../../platform/database/index.js';
import { RoutingService } from '../../routing/index.js';
import { GenerationRepository, type GenerationRow } from '../persistence/generation.repository.js';
import { OpenCallRepository } from '../persistence/open-call.repository.js';
import type { ExtendItem, OpenItem, SettleItem, SettlementItem, SettlementOutcome } from './settlement-item.js';

/** The only slot of this process: one lane, one transaction in flight. */
export const SLOT = 0;

/** One flush: the only code in which one transaction writes for budgets, metering, routing, audit and gateway. */
@Injectable()
export class SettlementFlush implements Flush<SettlementItem, SettlementOutcome> {
  constructor(
    private readonly budgets: BudgetsService,
    private readonly metering: MeteringService,
    private readonly routing: RoutingService,
    private readonly audit: AuditService,
    private readonly calls: OpenCallRepository,
    private readonly generations: GenerationRepository,
    private readonly clock: Clock,
  ) {}

  /** Settlements first, then asks; the evidence last. */
  async run(tx: Tx, items: readonly SettlementItem[]): Promise<readonly SettlementOutcome[]> {
    const settles = items.filter((item) => item.kind === 'settle');
    const opens = items.filter((item) => item.kind === 'open');
    const asking = [...opens, ...items.filter((item) => item.kind === 'extend')];
    const ours = await this.audit.takeOpenIntents(
      tx,
      settles.map(({ requestId }) => requestId),
    );
    const timely = settles.filter(({ requestId }) => ours.has(requestId));
    const { settled, shrunk, verdicts } = await this.budgets.flush(tx, {
      settles: timely.map(({ settle }) => settle),
      late: settles.filter(({ requestId, late }) => late !== null && !ours.has(requestId)).map(({ settle }) => settle),
      shrinks: items.flatMap((item) => (item.kind === 'shrink' ? [item.shrink] : [])),
      asks: asking.map(({ ask }) => ask),
      nowMs: this.clock.nowMs(),
    });
    if (!timely.every(({ settle }) => settled.has(settle.hold.id)))
      throw new Error('A hold was resolved by somebody else while its intent was ours');
    const held = opens.filter((_, index) => verdicts[index]?.kind === 'held');
    await this.metering.insertUsage(
      tx,
      timely.flatMap(({ usage }) => usage),
    );
    await this.routing.insertDecisions(
      tx,
      held.map(({ decision }) => decision),
    );
    await this.calls.insert(
      tx,
      held.map(({ open, facts }) => ({ requestId: open.requestId, facts })),
    );
    await this.calls.delete(tx, [...ours]);
    await this.audit.insertOpenIntents(
      tx,
      SLOT,
      held.map(({ open }) => open),
    );
    const receipts = await this.#appendRecords(tx, items, { ours, held: new Set(held) });
    await this.generations.insert(
      tx,
      timely.map((item) => generationOf(item, receipts)),
    );
    return outcomesOf(items, {
      ours,
      shrunk,
      receipts,
      verdicts: new Map(asking.map((item, index) => [item, verdicts[index]])),
    });
  }

  committed(): void {
    this.audit.flushCommitted(SLOT);
  }

  rolledBack(): void {
    this.audit.flushRolledBack(SLOT);
  }

  wasCommitted(tx: Tx): Promise<boolean> {
    return this.audit.wasFlushCommitted(tx, SLOT);
  }

  async #appendRecords(
    tx: Tx,
    items: readonly SettlementItem[],
    done: { readonly ours: ReadonlySet<string>; readonly held: ReadonlySet<OpenItem> },
  ): Promise<ReadonlyMap<string, Receipt>> {
    const records: PreparedRecord[] = [];
    for (const item of items) {
      if (item.kind === 'settle') {
        if (done.ours.has(item.requestId)) records.push(...item.records);
        else if (item.late !== null) records.push(await item.late());
      } else if (item.kind === 'record') records.push(item.record);
      else if (item.kind === 'open' && done.held.has(item)) records.push(item.intent);
    }
    const receipts = await this.audit.appendRequestRecords(tx, SLOT, records);
    return new Map(receipts.map((receipt) => [receipt.recordId, receipt]));
  }
}

function receiptOf(receipts: ReadonlyMap<string, Receipt>, record: PreparedRecord | undefined): Receipt {
  const receipt = record === undefined ? undefined : receipts.get(record.id);
  if (receipt === undefined) throw new Error('A record of this flush has no receipt');
  return receipt;
}

function generationOf({ generation, records }: SettleItem, receipts: ReadonlyMap<string, Receipt>): GenerationRow {
  const { intentReceipt, ...row } = generation;
  const outcome = formatReceipt(receiptOf(receipts, records.at(-1)));
  return { ...row, receipts: intentReceipt === null ? [outcome] : [intentReceipt, outcome] };
}

function outcomesOf(
  items: readonly SettlementItem[],
  done: {
    readonly ours: ReadonlySet<string>;
    readonly shrunk: ReadonlyMap<string, Hold>;
    readonly receipts: ReadonlyMap<string, Receipt>;
    readonly verdicts: ReadonlyMap<OpenItem | ExtendItem, Verdict | undefined>;
  },
): readonly SettlementOutcome[] {
  return items.map((item): SettlementOutcome => {
    if (item.kind === 'record') return { kind: 'recorded', receipt: receiptOf(done.receipts, item.record) };
    if (item.kind === 'settle') {
      return done.ours.has(item.requestId)
        ? { kind: 'settled', receipt: receiptOf(done.receipts, item.records.at(-1)) }
        : { kind: 'late' };
    }
    if (item.kind === 'shrink') return { kind: 'shrunk', hold: done.shrunk.get(item.shrink.hold.id) ?? null };
    const verdict = done.verdicts.get(item);
    if (verdict === undefined) throw new Error('An ask was not decided');
    if (verdict.kind !== 'held') return { kind: 'not_held', verdict };
    if (item.kind === 'extend') return { kind: 'extended', hold: verdict.hold };
    return { kind: 'held', hold: verdict.hold, keep: verdict.keep, receipt: receiptOf(done.receipts, item.intent) };
  });
}
