import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import type { Keyset } from '../../platform/http/index.js';
import { newId } from '../../platform/ids/index.js';
import { formatAmount, sum } from '../../platform/money/index.js';
import type { Principal } from '../../platform/security/index.js';
import { reconcile, type ReconciledCell, type Verdict } from '../domain/reconcile.js';
import { ChargeRepository, type ChargeRange } from '../persistence/charge.repository.js';
import { InvoiceRepository, type Invoice } from '../persistence/invoice.repository.js';
import { ReconciliationRepository, type Reconciliation } from '../persistence/reconciliation.repository.js';
import { ReconciliationSurroundings } from './reconciliation-surroundings.js';
import { VariancePosting } from './variance-posting.js';

const DAY_MS = 86_400_000;

/** Compares invoices with our records and posts what differs, by two people. */
@Injectable()
export class ReconciliationsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly invoices: InvoiceRepository,
    private readonly reconciliations: ReconciliationRepository,
    private readonly charges: ChargeRepository,
    private readonly posting: VariancePosting,
    private readonly surroundings: ReconciliationSurroundings,
  ) {}

  /** Compares an invoice with what we charged for its days. @throws AppError not_found */
  async reconcile(principal: Principal, invoiceId: string): Promise<Reconciliation> {
    const { clock, outbox } = this.surroundings;
    return this.unitOfWork.run(async (tx) => {
      const invoice = await this.invoices.find(tx, principal.orgId, invoiceId);
      if (invoice === undefined) throw new AppError('not_found', 'There is no such invoice.');
      const cells = await this.#compare(tx, invoice);
      const nowMs = clock.nowMs();
      const made: Reconciliation = {
        id: newId(),
        orgId: principal.orgId,
        invoiceId,
        state: 'OPEN',
        ours: sum(cells.map(({ ours }) => ours)),
        theirs: sum(cells.map(({ theirs }) => theirs)),
        cells: cells.length,
        version: 1,
        madeBy: principal.userId,
        verdicts: null,
        proposedBy: null,
        reason: null,
        postedBy: null,
        postedAtMs: null,
        postedAmount: null,
        createdAtMs: nowMs,
      };
      await this.reconciliations.insert(tx, made, cells);
      const differing = cells.filter(({ verdict }) => verdict !== 'MATCHED' && verdict !== 'WITHIN').length;
      if (differing > 0) {
        const data = { reconciliationId: made.id, invoiceId, cells: cells.length, differing };
        await outbox.insert(tx, [
          { id: newId(), orgId: principal.orgId, type: 'reconciliation.variance', atMs: nowMs, data },
        ]);
      }
      return made;
    });
  }

  /** Asks somebody else to post the variance of the cells with these verdicts. @throws AppError not_found, version_conflict,
   *  conflict — it was proposed before, or another reconciliation of the invoice was */
  async propose(
    principal: Principal,
    id: string,
    wish: { readonly version: number; readonly reason: string; readonly verdicts: readonly Verdict[] },
  ): Promise<Reconciliation> {
    return this.unitOfWork.run(async (tx) => {
      const one = await this.#own(tx, principal, id);
      if (one.version !== wish.version) {
        throw new AppError(
          'version_conflict',
          `The reconciliation is at version ${String(one.version)}. Read it again.`,
        );
      }
      if (one.state !== 'OPEN' || (await this.reconciliations.hasOther(tx, one))) {
        throw new AppError('conflict', 'This invoice is proposed or posted already.');
      }
      await this.reconciliations.propose(tx, id, { userId: principal.userId, ...wish });
      await this.#record(tx, principal, one, { reason: wish.reason, fields: ['state', 'verdicts'] });
      return this.#own(tx, principal, id);
    });
  }

  /** Posts a proposed variance as ADJUST entries, spread over the charges of each cell. All or nothing.
   *  @throws AppError four_eyes_required — the caller proposed it; conflict — it is not proposed, or our records changed since */
  async post(principal: Principal, id: string): Promise<Reconciliation> {
    const { clock } = this.surroundings;
    return this.unitOfWork.run(async (tx) => {
      const one = await this.#own(tx, principal, id);
      if (one.state !== 'PROPOSED') throw new AppError('conflict', `The reconciliation is ${one.state}, not PROPOSED.`);
      if (one.proposedBy === principal.userId) {
        throw new AppError('four_eyes_required', 'Whoever proposed a variance cannot post it. Ask somebody else.');
      }
      const invoice = await this.invoices.find(tx, principal.orgId, one.invoiceId);
      if (invoice === undefined) throw new Error('A reconciliation has an invoice');
      const cells = await this.#compare(tx, invoice);
      if (sum(cells.map(({ ours }) => ours)) !== one.ours) {
        throw new AppError('conflict', 'Our records changed since this comparison. Reconcile the invoice again.');
      }
      const verdicts = one.verdicts ?? [];
      const amount = await this.posting.post(tx, {
        range: rangeOf(invoice),
        cells: cells.filter(({ verdict }) => verdicts.includes(verdict)),
        reason: one.reason ?? 'reconciliation',
        ref: `reconciliation:${id}`,
      });
      await this.reconciliations.post(tx, id, { userId: principal.userId, amount, atMs: clock.nowMs() });
      await this.#record(tx, principal, one, { reason: one.reason ?? '', fields: ['state', 'postedAmount'], amount });
      return this.#own(tx, principal, id);
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<Reconciliation> {
    const found = await this.unitOfWork.read((tx) => this.reconciliations.find(tx, principal.orgId, id));
    return known(found);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Reconciliation[]> {
    return this.unitOfWork.read((tx) => this.reconciliations.findPage(tx, principal.orgId, page));
  }

  /** The variance report: cells in order. @throws AppError not_found */
  async findCells(
    principal: Principal,
    id: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly (ReconciledCell & { readonly n: number })[]> {
    await this.find(principal, id);
    return this.unitOfWork.read((tx) => this.reconciliations.findCells(tx, id, page));
  }

  async #own(tx: Tx, principal: Principal, id: string): Promise<Reconciliation> {
    return known(await this.reconciliations.find(tx, principal.orgId, id, true));
  }

  async #compare(tx: Tx, invoice: Invoice): Promise<readonly ReconciledCell[]> {
    return reconcile(await this.charges.sumCells(tx, rangeOf(invoice)), await this.invoices.findCells(tx, invoice.id));
  }

  async #record(
    tx: Tx,
    principal: Principal,
    one: Reconciliation,
    change: { readonly reason: string; readonly fields: readonly string[]; readonly amount?: bigint },
  ): Promise<void> {
    await this.surroundings.audit.record(tx, {
      type: 'ledger.change',
      principal,
      object: { kind: 'reconciliation', id: one.id, version: one.version + 1 },
      fields: change.fields,
      reason: change.reason,
      ...(change.amount === undefined ? {} : { new: { amount: formatAmount(change.amount as typeof one.ours) } }),
    });
  }
}

function known(found: Reconciliation | undefined): Reconciliation {
  if (found === undefined) throw new AppError('not_found', 'There is no such reconciliation.');
  return found;
}

function rangeOf({ orgId, provider, currency, fromDay, toDay }: Invoice): ChargeRange {
  return { orgId, provider, currency, fromMs: Date.parse(fromDay), toMs: Date.parse(toDay) + DAY_MS };
}
