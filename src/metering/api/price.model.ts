import { ApiProperty } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { formatAmount } from '../../platform/money/index.js';
import { fromPerMillion, readPrice } from '../domain/list-price.js';
import type { Meter } from '../domain/meter.js';
import type { PriceDraft, StoredPrice } from '../domain/price-draft.js';
import type { AddPricesInput } from './price.input.js';

/** A price version as REST shows it. */
export class PriceModel {
  @ApiProperty({ example: 'pv_0123456789abcdef0123456789abcdef' }) readonly id!: string;
  @ApiProperty() readonly vendor!: string;
  @ApiProperty() readonly model!: string;
  @ApiProperty({ type: String, nullable: true }) readonly region!: string | null;
  @ApiProperty() readonly tier!: string;
  @ApiProperty() readonly contextFrom!: number;
  @ApiProperty({ type: Object, nullable: true }) readonly daily!: { readonly from: string; readonly to: string } | null;
  @ApiProperty({ type: String }) readonly meter!: Meter;
  @ApiProperty({ example: 'USD' }) readonly currency!: string;
  @ApiProperty({ example: '0.000000150000', description: 'Price of one unit' }) readonly perUnit!: string;
  @ApiProperty() readonly effectiveFrom!: string;
  @ApiProperty({ type: String, nullable: true }) readonly effectiveTo!: string | null;
  @ApiProperty() readonly source!: string;
  @ApiProperty() readonly asOf!: string;
  @ApiProperty() readonly confirmed!: boolean;
}

/** The REST form of a price. */
export function toPriceModel(price: StoredPrice): PriceModel {
  const { amount, effectiveFromMs, effectiveToMs, daily, importedBy: _, ...same } = price;
  return {
    ...same,
    daily: daily === null ? null : { from: timeOf(daily.fromMinute), to: timeOf(daily.toMinute) },
    perUnit: formatAmount(amount),
    effectiveFrom: formatInstant(effectiveFromMs),
    effectiveTo: effectiveToMs === null ? null : formatInstant(effectiveToMs),
  };
}

/** The versions an input asks for. @throws AppError price_not_exact — the price of one would need a 13th decimal */
export function toPriceDrafts(input: AddPricesInput): readonly PriceDraft[] {
  const { prices, daily, effectiveFrom, ...selection } = input;
  const minutes = daily === null ? null : { fromMinute: minuteOf(daily.from), toMinute: minuteOf(daily.to) };
  return prices.map(({ meter, contextFrom, perUnit, perMillion }, index) => ({
    ...selection,
    meter,
    contextFrom,
    daily: minutes,
    effectiveFromMs: Date.parse(effectiveFrom),
    amount:
      perMillion === undefined
        ? readPrice(perUnit ?? '', `prices[${String(index)}].perUnit`)
        : fromPerMillion(perMillion, `prices[${String(index)}].perMillion`),
  }));
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function timeOf(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}
