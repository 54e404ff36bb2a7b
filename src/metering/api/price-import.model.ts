import { formatInstant } from '../../platform/clock/index.js';
import { formatAmount } from '../../platform/money/index.js';
import type { PriceChange } from '../domain/price-import.js';
import type { PriceImport } from '../persistence/price-import.repository.js';
import type { ImportView } from '../price-imports.service.js';

/** A price list as REST shows it. */
export interface PriceImportJson {
  readonly id: string;
  readonly state: string;
  readonly note: string;
  readonly count: number;
  readonly sha256: string;
  readonly proposedBy: string;
  readonly proposedAt: string;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
}

/** What a listed price changes. */
export interface PriceChangeJson {
  readonly verdict: PriceChange['verdict'];
  readonly vendor: string;
  readonly model: string;
  readonly region: string | null;
  readonly tier: string;
  readonly contextFrom: number;
  readonly meter: string;
  readonly currency: string;
  /** Price of one unit now; null: there is none. */
  readonly before: string | null;
  readonly after: string;
  /** Null: when the list is activated. */
  readonly effectiveFrom: string | null;
  readonly source: string;
  readonly asOf: string;
}

/** A price list with its diff. `id` is null for a dry run. */
export interface PriceImportViewJson extends Omit<PriceImportJson, 'id'> {
  readonly id: string | null;
  readonly summary: Readonly<Record<'new' | 'dearer' | 'cheaper' | 'same', number>>;
  readonly changes: readonly PriceChangeJson[];
}

export function toPriceImportJson(one: PriceImport): PriceImportJson {
  const { id, state, note, prices, sha256, proposedBy, proposedAtMs, decidedBy, decidedAtMs } = one;
  return {
    id,
    state,
    note,
    count: prices.length,
    sha256,
    proposedBy,
    proposedAt: formatInstant(proposedAtMs),
    decidedBy,
    decidedAt: decidedAtMs === null ? null : formatInstant(decidedAtMs),
  };
}

/** `dryRun`: the list was not kept and has no id. */
export function toImportViewJson({ priceImport, changes }: ImportView, dryRun = false): PriceImportViewJson {
  const count = (verdict: PriceChange['verdict']): number => changes.filter((one) => one.verdict === verdict).length;
  return {
    ...toPriceImportJson(priceImport),
    id: dryRun ? null : priceImport.id,
    summary: { new: count('NEW'), dearer: count('DEARER'), cheaper: count('CHEAPER'), same: count('SAME') },
    changes: changes.map(toChangeJson),
  };
}

function toChangeJson({ verdict, before, price }: PriceChange): PriceChangeJson {
  const { vendor, model, region, tier, contextFrom, meter, currency, amount, effectiveFromMs, source, asOf } = price;
  return {
    verdict,
    vendor,
    model,
    region: region ?? null,
    tier: tier ?? 'standard',
    contextFrom: contextFrom ?? 0,
    meter,
    currency,
    before: before === null ? null : formatAmount(before.amount),
    after: formatAmount(amount),
    effectiveFrom: effectiveFromMs === null ? null : formatInstant(effectiveFromMs),
    source,
    asOf,
  };
}
