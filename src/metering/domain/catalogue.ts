import { METERS, type Meter } from './meter.js';
import { readPrice } from './list-price.js';
import type { PriceDraft } from './price-draft.js';

/** A file of the seed catalogue: prices of one vendor. Amounts are per ONE unit, 12 decimals. */
interface CatalogueFile {
  readonly vendor: string;
  readonly prices: readonly {
    readonly model: string;
    readonly meter: string;
    readonly tier?: string;
    readonly contextFrom?: number;
    readonly currency: string;
    readonly amount: string;
    readonly effectiveFrom: string;
    readonly confirmed: boolean;
    readonly source: string;
    readonly asOf: string;
  }[];
}

/** Reads a file of the catalogue. It ships with the release: a mistake in it is a defect and throws. */
export function readCatalogue(text: string): readonly PriceDraft[] {
  const { vendor, prices } = JSON.parse(text) as CatalogueFile;
  return prices.map(({ meter, amount, effectiveFrom, ...rest }) => ({
    ...rest,
    vendor,
    meter: meterOf(meter),
    amount: readPrice(amount),
    effectiveFromMs: Date.parse(effectiveFrom),
  }));
}

function meterOf(name: string): Meter {
  const meter = METERS.find((known) => known === name);
  if (meter === undefined) throw new Error(`The price catalogue names an unknown meter: ${name}`);
  return meter;
}
