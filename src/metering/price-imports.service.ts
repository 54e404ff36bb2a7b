import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { PriceDraft } from './domain/price-draft.js';
import {
  diffPrices,
  findRepeated,
  withContainedKinds,
  type ListedPrice,
  type PriceChange,
} from './domain/price-import.js';
import { PriceImportRepository, pricesText, type PriceImport } from './persistence/price-import.repository.js';
import { PriceVersionRepository } from './persistence/price-version.repository.js';
import { PriceImportSurroundings } from './price-import-surroundings.js';
import { PricesService } from './prices.service.js';

/** Models named in a notice. */
const MAX_NAMED = 50;

/** A list with what it changes now; of a decided one, against what is in force now. */
export interface ImportView {
  readonly priceImport: PriceImport;
  readonly changes: readonly PriceChange[];
}

/** Price lists: one person hands a list in and sees what it changes, another puts it in force. */
@Injectable()
export class PriceImportsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly snapshots: ConfigSnapshots,
    private readonly imports: PriceImportRepository,
    private readonly versions: PriceVersionRepository,
    private readonly prices: PricesService,
    private readonly surroundings: PriceImportSurroundings,
    private readonly clock: Clock,
  ) {}

  /** Keeps a list for somebody else to activate; with `dryRun` only says what it would change (`priceImport.id` is then of nothing).
   *  Nothing is in force yet. @throws AppError invalid_value — a price is listed twice, or would start in the past; conflict — a
   *  model is priced in another currency */
  async propose(
    principal: Principal,
    input: { readonly note: string; readonly prices: readonly ListedPrice[]; readonly dryRun: boolean },
  ): Promise<ImportView> {
    const nowMs = this.clock.nowMs();
    requireListable(input.prices, nowMs);
    return this.unitOfWork.run(async (tx) => {
      await this.prices.requireOneCurrency(tx, input.prices);
      const stored = await this.versions.findOfModels(tx, modelsOf(input.prices));
      const prices = withContainedKinds(input.prices, stored, nowMs);
      const priceImport: PriceImport = {
        id: newId(),
        orgId: principal.orgId,
        state: 'PROPOSED',
        note: input.note,
        prices,
        sha256: hash('sha256', pricesText(prices), 'hex'),
        proposedBy: principal.userId,
        proposedAtMs: nowMs,
        decidedBy: null,
        decidedAtMs: null,
      };
      if (!input.dryRun) {
        await this.imports.insert(tx, priceImport);
        await this.#record(tx, principal, priceImport, 1);
      }
      return { priceImport, changes: diffPrices(prices, stored, nowMs) };
    });
  }

  /** Puts a list in force: what it changes becomes new versions, in force on this replica when it resolves.
   *  @throws AppError not_found; four_eyes_required — the caller handed it in; conflict — it was decided before, or a price of the
   *  same selection starts at the same instant; invalid_value — a price would start in the past by now */
  async activate(principal: Principal, id: string): Promise<ImportView> {
    return this.snapshots.change(async (tx) => {
      const proposed = await this.#undecided(tx, principal, id);
      if (proposed.proposedBy === principal.userId) {
        throw new AppError(
          'four_eyes_required',
          'Whoever imported a price list cannot activate it. Ask somebody else.',
        );
      }
      const nowMs = this.clock.nowMs();
      requireListable(proposed.prices, nowMs);
      const changes = diffPrices(proposed.prices, await this.#stored(tx, proposed), nowMs);
      const drafts = changes.flatMap(({ price, verdict }): readonly PriceDraft[] =>
        verdict === 'SAME' ? [] : [{ ...price, effectiveFromMs: price.effectiveFromMs ?? nowMs }],
      );
      await this.prices.putPrices(tx, drafts, proposed.proposedBy);
      const priceImport = await this.#decide(tx, principal, proposed, 'ACTIVATED');
      await this.surroundings.outbox.insert(tx, [
        {
          id: newId(),
          orgId: principal.orgId,
          type: 'price.changed',
          atMs: nowMs,
          data: { importId: id, prices: drafts.length, models: modelsOf(drafts).slice(0, MAX_NAMED) },
        },
      ]);
      return { priceImport, changes };
    });
  }

  /** Sets a list aside; whoever handed it in may do so too. @throws AppError not_found; conflict — it was decided before */
  async discard(principal: Principal, id: string): Promise<ImportView> {
    return this.unitOfWork.run(async (tx) => {
      const proposed = await this.#undecided(tx, principal, id);
      const priceImport = await this.#decide(tx, principal, proposed, 'DISCARDED');
      return { priceImport, changes: await this.#diff(tx, priceImport) };
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<ImportView> {
    return this.unitOfWork.read(async (tx) => {
      const priceImport = known(await this.imports.find(tx, principal.orgId, id));
      return { priceImport, changes: await this.#diff(tx, priceImport) };
    });
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly PriceImport[]> {
    return this.unitOfWork.read((tx) => this.imports.findPage(tx, principal.orgId, page));
  }

  async #diff(tx: Tx, priceImport: PriceImport): Promise<readonly PriceChange[]> {
    return diffPrices(priceImport.prices, await this.#stored(tx, priceImport), this.clock.nowMs());
  }

  #stored(tx: Tx, { prices }: PriceImport): ReturnType<PriceVersionRepository['findOfModels']> {
    return this.versions.findOfModels(tx, modelsOf(prices));
  }

  async #undecided(tx: Tx, principal: Principal, id: string): Promise<PriceImport> {
    const found = known(await this.imports.find(tx, principal.orgId, id, true));
    if (found.state === 'PROPOSED') return found;
    throw new AppError('conflict', `This price list is ${found.state} already.`);
  }

  async #decide(
    tx: Tx,
    principal: Principal,
    proposed: PriceImport,
    state: 'ACTIVATED' | 'DISCARDED',
  ): Promise<PriceImport> {
    const atMs = this.clock.nowMs();
    await this.imports.decide(tx, proposed.id, { state, userId: principal.userId, atMs });
    const decided = { ...proposed, state, decidedBy: principal.userId, decidedAtMs: atMs };
    await this.#record(tx, principal, decided, 2);
    return decided;
  }

  async #record(
    tx: Tx,
    principal: Principal,
    { id, state, sha256, prices }: PriceImport,
    version: number,
  ): Promise<void> {
    await this.surroundings.audit.record(tx, {
      type: 'price.change',
      principal,
      object: { kind: 'price_import', id, version },
      fields: ['state'],
      old: { state: version === 1 ? null : 'PROPOSED' },
      new: { state, sha256, prices: prices.length },
    });
  }
}

function requireListable(prices: readonly ListedPrice[], nowMs: number): void {
  const repeated = findRepeated(prices);
  if (repeated !== undefined) {
    throw new AppError('invalid_value', `${repeated.model} ${repeated.meter} is listed twice from one instant on.`, {
      param: 'prices',
    });
  }
  const late = prices.find(({ effectiveFromMs }) => effectiveFromMs !== null && effectiveFromMs < nowMs);
  if (late !== undefined) {
    throw new AppError(
      'invalid_value',
      `${late.model} ${late.meter}: effectiveFrom lies in the past. Leave it out for a price that takes effect on activation.`,
      { param: 'effectiveFrom' },
    );
  }
}

function modelsOf(
  prices: readonly { readonly vendor: string; readonly model: string }[],
): readonly { readonly vendor: string; readonly model: string }[] {
  const models = new Map(prices.map(({ vendor, model }) => [`${vendor}\n${model}`, { vendor, model }]));
  return [...models.values()];
}

function known(found: PriceImport | undefined): PriceImport {
  if (found === undefined) throw new AppError('not_found', 'There is no such price list.');
  return found;
}
