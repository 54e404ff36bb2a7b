import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { AuditService } from '../../audit/index.js';
import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import type { Keyset } from '../../platform/http/index.js';
import { newId } from '../../platform/ids/index.js';
import { formatAmount, sum } from '../../platform/money/index.js';
import type { Principal } from '../../platform/security/index.js';
import type { InvoiceDraft } from '../domain/invoice.js';
import { InvoiceRepository, type Invoice } from '../persistence/invoice.repository.js';

/** Imports what partners bill. Nothing is charged by an import. */
@Injectable()
export class InvoicesService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly invoices: InvoiceRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Keeps an invoice; the same one again gives the one that is there.
   *  @throws AppError invalid_value — a line lies outside of its days; conflict — the number stands for another content */
  async importInvoice(principal: Principal, draft: InvoiceDraft): Promise<Invoice> {
    requireDays(draft);
    const usage = draft.lines.filter(({ kind }) => kind === 'USAGE');
    const { lines, ...facts } = draft;
    const text = JSON.stringify([facts, lines.map((line) => ({ ...line, amount: formatAmount(line.amount) }))]);
    const invoice: Invoice = {
      ...facts,
      id: newId(),
      orgId: principal.orgId,
      lines: lines.length,
      total: sum(usage.map(({ amount }) => amount)),
      otherTotal: sum(lines.filter(({ kind }) => kind !== 'USAGE').map(({ amount }) => amount)),
      sha256: hash('sha256', text, 'hex'),
      importedBy: principal.userId,
      createdAtMs: this.clock.nowMs(),
    };
    return this.unitOfWork.run(async (tx) => {
      if (await this.invoices.insert(tx, invoice, lines)) {
        await this.audit.record(tx, {
          type: 'ledger.change',
          principal,
          object: { kind: 'invoice', id: invoice.id, version: 1 },
          fields: ['lines', 'total'],
          new: { number: invoice.number, sha256: invoice.sha256, total: formatAmount(invoice.total) },
        });
        return invoice;
      }
      const known = await this.invoices.findByNumber(tx, principal.orgId, draft.provider, draft.number);
      if (known?.sha256 === invoice.sha256) return known;
      throw new AppError('conflict', `Invoice ${draft.number} of ${draft.provider} is there with another content.`);
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<Invoice> {
    const found = await this.unitOfWork.read((tx) => this.invoices.find(tx, principal.orgId, id));
    if (found === undefined) throw new AppError('not_found', 'There is no such invoice.');
    return found;
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Invoice[]> {
    return this.unitOfWork.read((tx) => this.invoices.findPage(tx, principal.orgId, page));
  }
}

function requireDays({ fromDay, toDay, lines }: InvoiceDraft): void {
  const outside = lines.findIndex(({ day }) => day !== null && (day < fromDay || day > toDay));
  if (outside !== -1) {
    throw new AppError('invalid_value', `Line ${String(outside + 1)} lies outside of ${fromDay} to ${toDay}.`, {
      param: 'lines',
    });
  }
  const named = new Set(lines.filter(({ kind }) => kind === 'USAGE').map(({ credential }) => credential !== null));
  if (named.size > 1) {
    throw new AppError('invalid_value', 'Either all usage lines of an invoice name a credential, or none.', {
      param: 'lines',
    });
  }
}
