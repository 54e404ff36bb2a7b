import { readdir, readFile } from 'node:fs/promises';

import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { readCatalogue } from './domain/catalogue.js';
import { toStoredPrice, type PriceDraft, type StoredPrice } from './domain/price-draft.js';
import { PriceVersionRepository, type PriceFilter } from './persistence/price-version.repository.js';

const CATALOGUE = new URL('./catalogue/', import.meta.url);

/** Reads and adds prices. A price is never changed: a new version takes its place from an instant on. */
@Injectable()
export class PricesService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: PriceVersionRepository,
    private readonly audit: AuditService,
    private readonly outbox: OutboxRepository,
    private readonly clock: Clock,
  ) {}

  /** Versions in the order they take effect, one more than `limit` when there are more. */
  async findPrices(
    filter: PriceFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly StoredPrice[]> {
    return this.unitOfWork.read((tx) => this.repository.findPage(tx, filter, page));
  }

  /** Adds the first versions of models on behalf of a person; in force on this replica, from their start on, when it resolves.
   *  @throws AppError invalid_value — a version would start in the past; four_eyes_required — a model has prices already, which
   *  an import changes; conflict — the model is priced in another currency */
  async addPrices(principal: Principal, drafts: readonly PriceDraft[]): Promise<readonly StoredPrice[]> {
    const nowMs = this.clock.nowMs();
    if (drafts.some(({ effectiveFromMs }) => effectiveFromMs < nowMs)) {
      throw new AppError('invalid_value', 'effectiveFrom lies in the past. A price takes effect now or later.', {
        param: 'effectiveFrom',
      });
    }
    return this.snapshots.change(async (tx) => {
      await this.#requireNew(tx, drafts);
      const prices = await this.putPrices(tx, drafts, principal.userId);
      for (const { id } of prices) {
        const object = { kind: 'price', id, version: 1 };
        await this.audit.record(tx, { type: 'price.change', principal, object, fields: ['amount', 'effectiveFrom'] });
      }
      await this.outbox.insert(
        tx,
        prices.map(({ id, vendor, model, meter }) => ({
          id: newId(),
          orgId: principal.orgId,
          type: 'price.changed' as const,
          atMs: nowMs,
          data: { priceId: id, vendor, model, meter },
        })),
      );
      return prices;
    });
  }

  /** Writes versions without an audit record, for seeds of simulated partners; the caller raises the configuration version.
   *  The same version again is no error. @throws AppError conflict — see {@link addPrices} */
  async putPrices(
    tx: Tx,
    drafts: readonly PriceDraft[],
    importedBy: string | null = null,
  ): Promise<readonly StoredPrice[]> {
    const prices = drafts.map((draft) => toStoredPrice(draft, importedBy));
    await this.requireOneCurrency(tx, prices);
    await this.repository.insertMissing(tx, prices);
    const stored = await this.repository.findByIds(
      tx,
      prices.map(({ id }) => id),
    );
    const amounts = new Map(stored.map(({ id, amount, currency }) => [id, `${currency}${String(amount)}`]));
    const taken = prices.find(({ id, amount, currency }) => amounts.get(id) !== `${currency}${String(amount)}`);
    if (taken !== undefined) {
      throw new AppError(
        'conflict',
        `${taken.model} already has another price for ${taken.meter} from that instant on. Choose a later effectiveFrom.`,
      );
    }
    return prices;
  }

  /** Loads the prices that come with this release, where they are not there yet. Idempotent; runs at every start, before the
   *  first snapshot is read. */
  async loadCatalogue(): Promise<void> {
    await this.unitOfWork.run((tx) => this.seedCatalogue(tx));
  }

  /** The same in a transaction of the caller. */
  async seedCatalogue(tx: Tx): Promise<void> {
    const names = (await readdir(CATALOGUE)).filter((name) => name.endsWith('.json')).sort();
    for (const name of names) {
      const drafts = readCatalogue(await readFile(new URL(name, CATALOGUE), 'utf8'));
      await this.repository.insertMissing(
        tx,
        drafts.map((draft) => toStoredPrice(draft, null)),
      );
    }
  }

  /** One person may price what nobody could use before; whatever changes a price takes two. The same again changes nothing. */
  async #requireNew(tx: Tx, drafts: readonly PriceDraft[]): Promise<void> {
    const known = await this.repository.findOfModels(tx, drafts);
    const amounts = new Map(known.map((price) => [price.id, price.amount]));
    const priced = new Set(known.map(({ vendor, model }) => `${vendor}\n${model}`));
    const changed = drafts.find(
      (draft) =>
        priced.has(`${draft.vendor}\n${draft.model}`) && amounts.get(toStoredPrice(draft, null).id) !== draft.amount,
    );
    if (changed !== undefined) {
      throw new AppError(
        'four_eyes_required',
        `${changed.model} has prices. Change them with an import, which somebody else activates: POST /api/prices/imports.`,
      );
    }
  }

  /** @throws AppError conflict — a model is priced in another currency */
  async requireOneCurrency(
    tx: Tx,
    prices: readonly Pick<StoredPrice, 'vendor' | 'model' | 'currency'>[],
  ): Promise<void> {
    const wanted = new Map<string, Pick<StoredPrice, 'currency'>>();
    for (const price of prices) {
      const key = `${price.vendor}\n${price.model}`;
      const first = wanted.get(key) ?? price;
      wanted.set(key, first);
      const known = first === price ? await this.repository.findCurrencies(tx, price.vendor, price.model) : [];
      if (price.currency !== first.currency || known.some((currency) => currency !== price.currency)) {
        throw new AppError(
          'conflict',
          `${price.model} of ${price.vendor} has prices in another currency than ${price.currency}. A model is priced in one.`,
          { param: 'currency' },
        );
      }
    }
  }
}
