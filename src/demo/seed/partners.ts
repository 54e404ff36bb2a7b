import { Injectable } from '@nestjs/common';

import { fromPerMillion, PricesService, type Meter, type PriceDraft } from '../../metering/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { SIMULATED_PARTNERS } from '../../providers/index.js';
import type { DemoApi } from '../demo-api.js';

/** Vendor name of simulated models in the price list. */
export const SIMULATED_VENDOR = 'simulated';

/** The day from which simulated prices are in force: before anything in a demo happens. */
const PRICED_FROM = '2026-01-01';
const SCHEME = { openai: 'bearer', anthropic: 'header' } as const;

interface ListedProvider {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

/** Registers the simulated partners as three ordinary providers, with prices in XTS. */
@Injectable()
export class PartnersSeed {
  constructor(
    private readonly prices: PricesService,
    private readonly snapshots: ConfigSnapshots,
  ) {}

  /** Adds what is missing and points the rest at the ports of this process. */
  async run(
    api: DemoApi,
    addresses: { readonly baseUrls: Readonly<Record<string, string>>; readonly credential: string },
  ): Promise<void> {
    await this.snapshots.change((tx) => this.prices.putPrices(tx, simulatedPrices()));
    const { data } = await api.call<{ data: readonly ListedProvider[] }>('GET', '/api/providers?limit=200');
    for (const partner of SIMULATED_PARTNERS) {
      const baseUrl = addresses.baseUrls[partner.name];
      const known = data.find(({ name }) => name === partner.name);
      if (known !== undefined) {
        await api.call(
          'PATCH',
          `/api/providers/${known.id}`,
          { baseUrl },
          { 'if-match': `"${String(known.version)}"` },
        );
        continue;
      }
      await api.call('POST', '/api/providers', {
        name: partner.name,
        vendor: SIMULATED_VENDOR,
        dialect: partner.dialect,
        baseUrl,
        network: 'simulated',
        currency: partner.currency,
        credential: { name: 'simulated', scheme: SCHEME[partner.dialect], secret: addresses.credential },
        deployments: partner.models.map(({ name, capabilities }) => ({
          model: name,
          upstreamModel: name,
          capabilities,
        })),
      });
    }
  }
}

function simulatedPrices(): PriceDraft[] {
  const drafts = new Map<string, PriceDraft>();
  for (const { models } of SIMULATED_PARTNERS) {
    for (const { name, prices } of models) {
      for (const [meter, perMillion] of Object.entries(prices) as [Meter, string][]) {
        drafts.set(`${name}/${meter}`, {
          vendor: SIMULATED_VENDOR,
          model: name,
          meter,
          currency: 'XTS',
          amount: fromPerMillion(perMillion),
          effectiveFromMs: Date.parse(PRICED_FROM),
          confirmed: true,
          source: 'simulated partner',
          asOf: PRICED_FROM,
        });
      }
    }
  }
  return [...drafts.values()];
}
