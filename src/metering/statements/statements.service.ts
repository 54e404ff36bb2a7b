import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { AuditService, canonical } from '../../audit/index.js';
import { Clock, formatInstant } from '../../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import type { Keyset } from '../../platform/http/index.js';
import { newId } from '../../platform/ids/index.js';
import { formatAmount, sum } from '../../platform/money/index.js';
import type { Principal } from '../../platform/security/index.js';
import { correctionsOf, monthBounds, type StatementLine, type StatementScope } from '../domain/statement-lines.js';
import { StatementRepository, type Statement, type StatementSubject } from '../persistence/statement.repository.js';
import { RollupsService } from '../rollups/rollups.service.js';

/** Stated months that are looked at again for corrections. */
const MAX_MONTHS = 36;

/** What a statement shall be about. */
export interface StatementWish {
  readonly scopeType: StatementScope;
  readonly scopeId: string;
  /** `2026-11`. */
  readonly month: string;
  readonly currency: string;
  readonly state: 'DRAFT' | 'FINAL';
}

/** Monthly statements. A FINAL one is never changed: what becomes known later stands as corrections in the next. */
@Injectable()
export class StatementsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: StatementRepository,
    private readonly rollups: RollupsService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Makes a statement from what is known now; a draft takes the place of the draft before.
   *  @throws AppError conflict — the month is stated for good, a later one is, or it is not over and summed yet */
  async make(principal: Principal, wish: StatementWish): Promise<Statement> {
    const { state, month, ...scope } = wish;
    const subject: StatementSubject = { ...scope, orgId: principal.orgId };
    return this.unitOfWork.run(async (tx) => {
      await this.repository.lock(tx, subject);
      const stated = await this.repository.findFinalMonths(tx, subject, MAX_MONTHS);
      requireOrder(stated, month);
      if (state === 'FINAL') await this.#requireSummed(tx, month);
      const lines = await this.#linesOf(tx, subject, month, stated);
      const statement = this.#statementOf(principal, { ...subject, month, state }, lines);
      await this.repository.deleteDraft(tx, subject, month);
      const { fromMs, toMs } = monthBounds(month);
      await this.repository.insert(tx, statement, lines, { from: formatInstant(fromMs), to: formatInstant(toMs) });
      if (state === 'FINAL') {
        await this.audit.record(tx, {
          type: 'statement.change',
          principal,
          object: { kind: 'statement', id: statement.id, version: 1 },
          fields: ['state', 'sha256'],
          new: { month, scope: subject.scopeType, total: formatAmount(statement.total), sha256: statement.sha256 },
        });
      }
      return statement;
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<Statement> {
    const found = await this.unitOfWork.read((tx) => this.repository.find(tx, principal.orgId, id));
    if (found === undefined) throw new AppError('not_found', 'There is no such statement.');
    return found;
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    month: string | null,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Statement[]> {
    return this.unitOfWork.read((tx) => this.repository.findPage(tx, { orgId: principal.orgId, month }, page));
  }

  /** Lines in order, one more than `limit` when there are more. @throws AppError not_found */
  async findLines(
    principal: Principal,
    id: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly (StatementLine & { readonly n: number })[]> {
    const { id: known } = await this.find(principal, id);
    return this.unitOfWork.read((tx) => this.repository.findLines(tx, known, page));
  }

  async #linesOf(
    tx: Tx,
    subject: StatementSubject,
    month: string,
    stated: readonly string[],
  ): Promise<readonly StatementLine[]> {
    const usage = await this.repository.sumMonth(tx, subject, month);
    const lines: StatementLine[] = usage.map((line) => ({ ...line, class: 'USAGE', month }));
    for (const earlier of stated.toReversed()) {
      const said = await this.repository.findStated(tx, subject, earlier);
      lines.push(...correctionsOf(earlier, said, await this.repository.sumMonth(tx, subject, earlier)));
    }
    return lines;
  }

  #statementOf(
    principal: Principal,
    subject: StatementSubject & Pick<Statement, 'month' | 'state'>,
    lines: readonly StatementLine[],
  ): Statement {
    const nowMs = this.clock.nowMs();
    return {
      ...subject,
      id: newId(),
      lines: lines.length,
      total: sum(lines.map(({ cost }) => cost)),
      corrections: sum(lines.filter((line) => line.class === 'CORRECTION').map(({ cost }) => cost)),
      sha256: subject.state === 'FINAL' ? digestOf(subject, lines) : null,
      asOfMs: nowMs,
      madeBy: principal.userId,
      createdAtMs: nowMs,
    };
  }

  /** A month can be stated for good when it is over and no sum of it is out of date. */
  async #requireSummed(tx: Tx, month: string): Promise<void> {
    const { state, asOfMs } = await this.rollups.view(tx);
    const { toMs } = monthBounds(month);
    if (state !== null && state.daysUntilMs >= toMs && asOfMs >= this.clock.nowMs()) return;
    throw new AppError(
      'conflict',
      `${month} is not over, or its usage is still being summed. Make a draft, or try again later.`,
    );
  }
}

/** Months are stated in order: a correction always has a next statement to stand in. */
function requireOrder(stated: readonly string[], month: string): void {
  const [latest] = stated;
  if (latest === undefined || latest < month) return;
  throw new AppError(
    'conflict',
    latest === month
      ? `${month} is stated for good. What changed since stands in the next statement.`
      : `${latest} is stated for good already. Months are stated in order.`,
  );
}

/** SHA-256 over the canonical JSON of scope and lines, lower-case hex. */
export function digestOf(
  { orgId, scopeType, scopeId, currency, month }: StatementSubject & { readonly month: string },
  lines: readonly StatementLine[],
): string {
  const text = canonical({
    orgId,
    scopeType,
    scopeId,
    currency,
    month,
    lines: lines.map((line) => ({
      class: line.class,
      month: line.month,
      teamId: line.teamId,
      investigationId: line.investigationId,
      provider: line.provider,
      model: line.model,
      requests: String(line.requests),
      tokens: String(line.tokens),
      cost: formatAmount(line.cost),
      unconfirmed: formatAmount(line.unconfirmed),
    })),
  });
  return hash('sha256', text, 'hex');
}
