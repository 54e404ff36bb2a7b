import { Injectable } from '@nestjs/common';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount } from '../../platform/money/index.js';
import type { StoredPrice } from '../domain/price-draft.js';
import { PriceVersionEntity } from './price-version.entity.js';

/** Filters of the list of prices. */
export interface PriceFilter {
  readonly vendor?: string | undefined;
  readonly model?: string | undefined;
  /** Only versions in force then. */
  readonly atMs?: number | undefined;
}

/** Prices, which only grow. */
@Injectable()
export class PriceVersionRepository {
  /** Every price there ever was, by id. */
  async findAll(tx: Tx): Promise<readonly StoredPrice[]> {
    const rows = await managerOf(tx).find(PriceVersionEntity, { order: { id: 'ASC' } });
    return rows.map(fromRow);
  }

  /** Which of `ids` exist. */
  async findByIds(tx: Tx, ids: readonly string[]): Promise<readonly StoredPrice[]> {
    const rows = await managerOf(tx)
      .createQueryBuilder(PriceVersionEntity, 'price')
      .where('price.id = ANY(:ids)', { ids })
      .getMany();
    return rows.map(fromRow);
  }

  /** Every version of some models. */
  async findOfModels(
    tx: Tx,
    models: readonly { readonly vendor: string; readonly model: string }[],
  ): Promise<readonly StoredPrice[]> {
    const rows = await managerOf(tx)
      .createQueryBuilder(PriceVersionEntity, 'price')
      .where('(price.vendor, price.model) IN (SELECT * FROM unnest(:vendors::text[], :models::text[]))', {
        vendors: models.map(({ vendor }) => vendor),
        models: models.map(({ model }) => model),
      })
      .getMany();
    return rows.map(fromRow);
  }

  /** The currencies that prices of a model are in; one, or none. */
  async findCurrencies(tx: Tx, vendor: string, model: string): Promise<readonly string[]> {
    const rows = await managerOf(tx)
      .createQueryBuilder(PriceVersionEntity, 'price')
      .select('DISTINCT price.currency', 'currency')
      .where('price.vendor = :vendor AND price.model = :model', { vendor, model })
      .getRawMany<{ currency: string }>();
    return rows.map(({ currency }) => currency);
  }

  /** Versions in the order (effective from, id), with one more than `limit` to show that there are more. */
  async findPage(
    tx: Tx,
    filter: PriceFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly StoredPrice[]> {
    const query = managerOf(tx).createQueryBuilder(PriceVersionEntity, 'price').where('true');
    if (filter.vendor !== undefined) query.andWhere('price.vendor = :vendor', { vendor: filter.vendor });
    if (filter.model !== undefined) query.andWhere('price.model = :model', { model: filter.model });
    if (filter.atMs !== undefined) {
      query.andWhere(
        `price.id IN (SELECT DISTINCT ON (vendor, model, region, service_tier, context_from, daily_from, daily_to, meter) id
           FROM price_version WHERE effective_from <= :at
           ORDER BY vendor, model, region, service_tier, context_from, daily_from, daily_to, meter, effective_from DESC)
         AND (price.effective_to IS NULL OR price.effective_to > :at)`,
        { at: new Date(filter.atMs) },
      );
    }
    if (page.after !== undefined) {
      query.andWhere('(price.effective_from, price.id) > (:from, :id)', {
        from: new Date(Number(page.after.key)),
        id: page.after.id,
      });
    }
    const rows = await query
      .orderBy('price.effectiveFrom', 'ASC')
      .addOrderBy('price.id', 'ASC')
      .limit(page.limit + 1)
      .getMany();
    return rows.map(fromRow);
  }

  /** How many there are. Rows are never changed or removed: the same count is the same content. */
  async count(tx: Tx): Promise<number> {
    const [row] = await rowsOf<{ count: number }>(tx, { text: 'SELECT count(*)::int AS count FROM price_version' });
    return row?.count ?? 0;
  }

  /** Writes those that are not there yet; existing ones stay as they are. */
  async insertMissing(tx: Tx, prices: readonly StoredPrice[]): Promise<void> {
    await rowsOf(
      tx,
      INSERT,
      COLUMNS.map(([, , valueOf]) => prices.map(valueOf)),
    );
  }
}

/** Column, its type, and its value of a price. */
const COLUMNS: readonly (readonly [string, string, (price: StoredPrice) => unknown])[] = [
  ['id', 'text', ({ id }) => id],
  ['vendor', 'text', ({ vendor }) => vendor],
  ['model', 'text', ({ model }) => model],
  ['region', 'text', ({ region }) => region],
  ['service_tier', 'text', ({ tier }) => tier],
  ['context_from', 'integer', ({ contextFrom }) => contextFrom],
  ['daily_from', 'smallint', ({ daily }) => daily?.fromMinute ?? null],
  ['daily_to', 'smallint', ({ daily }) => daily?.toMinute ?? null],
  ['meter', 'text', ({ meter }) => meter],
  ['currency', 'text', ({ currency }) => currency],
  ['amount', 'numeric', ({ amount }) => formatAmount(amount)],
  ['effective_from', 'timestamptz', ({ effectiveFromMs }) => new Date(effectiveFromMs)],
  ['effective_to', 'timestamptz', ({ effectiveToMs }) => (effectiveToMs === null ? null : new Date(effectiveToMs))],
  ['source', 'text', ({ source }) => source],
  ['as_of', 'date', ({ asOf }) => asOf],
  ['confirmed', 'boolean', ({ confirmed }) => confirmed],
  ['imported_by', 'uuid', ({ importedBy }) => importedBy],
];

const INSERT = {
  text: `INSERT INTO price_version (${COLUMNS.map(([name]) => name).join(', ')})
         SELECT * FROM unnest(${COLUMNS.map(([, type], index) => `$${String(index + 1)}::${type}[]`).join(', ')})
         ON CONFLICT DO NOTHING`,
};

function fromRow(row: PriceVersionEntity): StoredPrice {
  const { dailyFrom, dailyTo, effectiveFrom, effectiveTo, amount, createdAt: _, ...columns } = row;
  return {
    ...columns,
    amount: parseAmount(amount),
    daily: dailyFrom === null || dailyTo === null ? null : { fromMinute: dailyFrom, toMinute: dailyTo },
    effectiveFromMs: effectiveFrom.getTime(),
    effectiveToMs: effectiveTo?.getTime() ?? null,
  };
}
