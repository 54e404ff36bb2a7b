import { Injectable } from '@nestjs/common';

import { MeteringService } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import { ZERO, type PicoUsd } from '../platform/money/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { AskLimit } from './ask.js';
import { BudgetTreePart } from './budget-tree-part.js';
import type { Budget, EachType } from './domain/budget.js';
import { unitsOf } from './domain/units.js';
import { windowAt } from './domain/window-at.js';
import { BalanceRepository, type NewBalance } from './persistence/balance.repository.js';

/** What balances start from: what the scope had used in a window that was running when its budget was made, and what the window
 *  before left unused where it rolls over. */
@Injectable()
export class OpeningBalances {
  constructor(
    private readonly metering: MeteringService,
    private readonly snapshots: ConfigSnapshots,
    private readonly tree: BudgetTreePart,
    private readonly balances: BalanceRepository,
  ) {}

  async of(tx: Tx, limits: readonly AskLimit[]): Promise<readonly NewBalance[]> {
    const made: NewBalance[] = [];
    for (const limit of limits) {
      made.push({ ...limit, posted: await this.#posted(tx, limit), rollover: await this.#rollover(tx, limit) });
    }
    return made;
  }

  /** A window that nobody used leaves its whole limit, if its budget was there before it ended. */
  async #rollover(tx: Tx, { limitId, subject, startsAtMs }: AskLimit): Promise<PicoUsd> {
    const known = this.snapshots.current().get(this.tree.part).limit(limitId);
    if (known?.limit.rollover !== true) return ZERO;
    const { budget, limit } = known;
    const { timeZone, weekStart } = budget;
    const before = windowAt({ timeZone, weekStart, period: limit.period, custom: null }, startsAtMs - 1);
    if (before === undefined || budget.createdAtMs >= before.endsAtMs) return ZERO;
    const unused = await this.balances.findUnused(tx, { limitId, subject, startsAtMs: before.startsAtMs });
    return unused ?? limit.amount;
  }

  async #posted(tx: Tx, limit: AskLimit): Promise<PicoUsd> {
    const budget = this.snapshots.current().get(this.tree.part).byId(limit.budgetId);
    if (budget === undefined || !budget.includePast || budget.createdAtMs <= limit.startsAtMs) return ZERO;
    const past = await this.metering.findPastUsage(tx, {
      orgId: budget.orgId,
      currency: budget.currency,
      fromMs: limit.startsAtMs,
      toMs: limit.endsAtMs,
      ...scopeOf(budget, limit.subject),
      providerIds: budget.scope.type === 'PROVIDER' ? [budget.scope.id] : budget.match.providers,
      models: budget.scope.type === 'MODEL' ? [budget.scope.id] : budget.match.models,
      criticalities: budget.match.criticalities,
    });
    return unitsOf(budget.metric, { amount: past.cost, tokens: past.tokens, requests: past.requests });
  }
}

/** Whose usage counts: the budget's scope, narrowed to the subject of its balance. */
function scopeOf(
  { scope, each }: Budget,
  subject: string,
): Record<'teamId' | 'userId' | 'keyId' | 'investigationId' | 'operationId', string | null> {
  const member = subject.slice(subject.indexOf(':') + 1);
  const of = (type: EachType): string | null => (each === type ? member : scope.type === type ? scope.id : null);
  return {
    teamId: of('TEAM'),
    userId: of('USER'),
    keyId: of('KEY'),
    investigationId: of('INVESTIGATION'),
    operationId: of('OPERATION'),
  };
}
