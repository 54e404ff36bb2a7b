import { hash } from 'node:crypto';

import type { PriceVersion } from './price-book.js';

/** A price to be written, with where it comes from. */
export type PriceDraft = Omit<PriceVersion, 'id' | 'region' | 'tier' | 'contextFrom' | 'daily' | 'effectiveToMs'> & {
  readonly region?: string | null;
  readonly tier?: string;
  readonly contextFrom?: number;
  readonly daily?: PriceVersion['daily'];
  readonly effectiveToMs?: number | null;
  /** Where the figure was published; for a derived price also what it was derived from. */
  readonly source: string;
  /** Day on which the source said so, `YYYY-MM-DD`. */
  readonly asOf: string;
};

/** A price as it is stored. */
export interface StoredPrice extends PriceVersion {
  readonly source: string;
  readonly asOf: string;
  /** User who entered it; `null`: the seed catalogue. */
  readonly importedBy: string | null;
}

/** Fills in what a draft leaves out. The id follows from the selection and its start, so that writing the same price twice
 *  is one price: `pv_` + 32 hex digits. */
export function toStoredPrice(draft: PriceDraft, importedBy: string | null): StoredPrice {
  const { region = null, tier = 'standard', contextFrom = 0, daily = null, effectiveToMs = null } = draft;
  const selection = [
    draft.vendor,
    draft.model,
    region,
    tier,
    contextFrom,
    daily === null ? null : [daily.fromMinute, daily.toMinute],
    draft.meter,
    draft.effectiveFromMs,
  ];
  const id = `pv_${hash('sha256', JSON.stringify(selection), 'hex').slice(0, 32)}`;
  return { ...draft, id, region, tier, contextFrom, daily, effectiveToMs, importedBy };
}
