import { ApiProperty } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { picoUsd, toWireMoney, type WireMoney } from '../../platform/money/index.js';
import type { ReconciledCell } from '../domain/reconcile.js';
import type { Invoice } from '../persistence/invoice.repository.js';
import type { Reconciliation } from '../persistence/reconciliation.repository.js';

/** An invoice as REST shows it. */
export class InvoiceModel {
  @ApiProperty() readonly id!: string;
  @ApiProperty() readonly provider!: string;
  @ApiProperty() readonly number!: string;
  @ApiProperty({ example: '2026-11-01' }) readonly from!: string;
  @ApiProperty({ example: '2026-11-30', description: 'Last day, inclusive' }) readonly to!: string;
  @ApiProperty() readonly lines!: number;
  @ApiProperty({ description: 'Sum of the usage lines' }) readonly total!: WireMoney;
  @ApiProperty({ description: 'Sum of credits and taxes' }) readonly otherTotal!: WireMoney;
  @ApiProperty() readonly sha256!: string;
  @ApiProperty() readonly importedBy!: string;
  @ApiProperty() readonly createdAt!: string;
}

/** The REST form of an invoice. */
export function toInvoiceModel(invoice: Invoice): InvoiceModel {
  const { orgId: _, currency, fromDay, toDay, total, otherTotal, createdAtMs, ...same } = invoice;
  return {
    ...same,
    from: fromDay,
    to: toDay,
    total: toWireMoney({ amount: total, currency }),
    otherTotal: toWireMoney({ amount: otherTotal, currency }),
    createdAt: formatInstant(createdAtMs),
  };
}

/** A reconciliation as REST shows it. */
export class ReconciliationModel {
  @ApiProperty() readonly id!: string;
  @ApiProperty() readonly invoiceId!: string;
  @ApiProperty({ enum: ['OPEN', 'PROPOSED', 'POSTED'] }) readonly state!: string;
  @ApiProperty({ description: 'What we charged' }) readonly ours!: string;
  @ApiProperty({ description: 'What the partner billed' }) readonly theirs!: string;
  @ApiProperty({ description: 'Billed minus charged' }) readonly variance!: string;
  @ApiProperty() readonly cells!: number;
  @ApiProperty() readonly version!: number;
  @ApiProperty() readonly madeBy!: string;
  @ApiProperty({ type: [String], nullable: true }) readonly verdicts!: readonly string[] | null;
  @ApiProperty({ type: String, nullable: true }) readonly reason!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly proposedBy!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly postedBy!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly postedAt!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly postedAmount!: string | null;
  @ApiProperty() readonly createdAt!: string;
}

/** The REST form of a reconciliation. Amounts are in the invoice's currency. */
export function toReconciliationModel(one: Reconciliation): ReconciliationModel {
  const { orgId: _, ours, theirs, postedAtMs, postedAmount, createdAtMs, ...same } = one;
  return {
    ...same,
    ours: decimal(ours),
    theirs: decimal(theirs),
    variance: decimal(theirs - ours),
    postedAt: postedAtMs === null ? null : formatInstant(postedAtMs),
    postedAmount: postedAmount === null ? null : decimal(postedAmount),
    createdAt: formatInstant(createdAtMs),
  };
}

/** A cell of a variance report. */
export interface CellJson {
  readonly n: number;
  readonly day: string;
  readonly credential: string | null;
  readonly model: string;
  readonly meter: string | null;
  readonly verdict: string;
  readonly ours: string;
  readonly theirs: string;
  readonly variance: string;
  readonly ourQuantity: string | null;
  readonly theirQuantity: string | null;
  readonly unconfirmed: string;
  readonly counted: string;
  readonly assumed: string;
}

/** The REST form of a cell. */
export function toCellJson(cell: ReconciledCell & { readonly n: number }): CellJson {
  const { ours, theirs, ourQuantity, unconfirmed, counted, assumed, ...same } = cell;
  return {
    ...same,
    ours: decimal(ours),
    theirs: decimal(theirs),
    variance: decimal(theirs - ours),
    ourQuantity: ourQuantity === null ? null : String(ourQuantity),
    unconfirmed: decimal(unconfirmed),
    counted: decimal(counted),
    assumed: decimal(assumed),
  };
}

const decimal = (amount: bigint): string => toWireMoney({ amount: picoUsd(amount), currency: '' }).amount;
