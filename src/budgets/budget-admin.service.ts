import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, isUniqueViolation } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import { formatAmount, type PicoUsd } from '../platform/money/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { Budget, BudgetLimit } from './domain/budget.js';
import { isWholeFor } from './domain/units.js';
import { unusedView, viewOf, type BudgetView, type WindowStateName } from './domain/window-view.js';
import { BudgetRepository } from './persistence/budget.repository.js';
import { ThresholdWatch } from './threshold-watch.js';

/** A new budget; what is left out has its default. */
export type NewBudget = Omit<Budget, 'id' | 'orgId' | 'managedBy' | 'state' | 'version' | 'createdAtMs' | 'limits'> & {
  readonly limits: readonly Omit<BudgetLimit, 'id'>[];
};

/** What may change of a budget. Absent members stay. */
export interface BudgetPatch {
  readonly name?: string | undefined;
  readonly enforcement?: Budget['enforcement'] | undefined;
  readonly onExhausted?: Budget['onExhausted'] | undefined;
  readonly carveOutBp?: number | undefined;
  /** New amounts by limit id. */
  readonly limits?: readonly { readonly id: string; readonly amount: PicoUsd }[] | undefined;
}

const MAX_BUDGETS = 2_000;

/** Creates, changes, archives and shows budgets. Each change is audited and in force on this replica when it resolves. */
@Injectable()
export class BudgetAdminService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: BudgetRepository,
    private readonly watch: ThresholdWatch,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Budgets of the organisation with their present windows, one more than `limit` when there are more. */
  async findBudgets(
    principal: Principal,
    page: {
      readonly after: Keyset | undefined;
      readonly limit: number;
      readonly states?: readonly WindowStateName[] | undefined;
    },
  ): Promise<readonly BudgetView[]> {
    const views = await this.unitOfWork.read(async (tx) => {
      const budgets = await this.repository.findPage(tx, principal.orgId, { after: page.after, limit: page.limit + 1 });
      const atMs = this.clock.nowMs();
      const limitIds = budgets.flatMap(({ limits }) => limits.map(({ id }) => id));
      const windows = Map.groupBy(await this.repository.findWindows(tx, limitIds, atMs), ({ limitId }) => limitId);
      const firing = await this.watch.firing(tx, limitIds);
      return budgets.map((budget): BudgetView => ({
        budget,
        windows: budget.limits.flatMap((limit) => {
          const used = windows.get(limit.id);
          if (used === undefined) return unusedView(budget, limit, atMs) ?? [];
          return used.map((one) => viewOf(limit, one, firing.get(`${limit.id} ${one.subject}`)));
        }),
      }));
    });
    const { states } = page;
    return states === undefined
      ? views
      : views.filter(({ windows }) => windows.some(({ state }) => states.includes(state)));
  }

  /** @throws AppError not_found */
  async findBudget(principal: Principal, id: string): Promise<BudgetView> {
    return this.unitOfWork.read(async (tx) => {
      const budget = await this.repository.find(tx, principal.orgId, id);
      if (budget === undefined) throw notFound();
      const atMs = this.clock.nowMs();
      const limitIds = budget.limits.map((limit) => limit.id);
      const windows = await this.repository.findWindows(tx, limitIds, atMs);
      const firing = await this.watch.firing(tx, limitIds);
      return {
        budget,
        windows: budget.limits.flatMap((limit) => {
          const used = windows.filter(({ limitId }) => limitId === limit.id);
          if (used.length === 0) return unusedView(budget, limit, atMs) ?? [];
          return used.map((one) => viewOf(limit, one, firing.get(`${limit.id} ${one.subject}`)));
        }),
      };
    });
  }

  /** Adds a budget. @throws AppError insufficient_scope — a lead, another scope than the own team; conflict — the name is taken */
  async createBudget(principal: Principal, input: NewBudget): Promise<BudgetView> {
    requireReach(principal, input.scope);
    const budget: Budget = {
      ...input,
      id: newId(),
      orgId: principal.orgId,
      managedBy: 'ui',
      state: 'active',
      version: 1,
      createdAtMs: this.clock.nowMs(),
      limits: input.limits.map((limit) => ({ ...limit, id: newId() })),
    };
    await this.#write(async (tx) => {
      if (
        (await this.repository.findPage(tx, budget.orgId, { after: undefined, limit: MAX_BUDGETS })).length >=
        MAX_BUDGETS
      ) {
        throw new AppError(
          'conflict',
          `An organisation has at most ${String(MAX_BUDGETS)} budgets. Archive one first.`,
        );
      }
      await this.repository.insert(tx, budget);
      await this.audit.record(tx, {
        type: 'budget.change',
        principal,
        object: { kind: 'budget', id: budget.id, version: 1 },
        fields: ['name', 'scope', 'limits'],
        new: summaryOf(budget),
      });
    });
    return this.findBudget(principal, budget.id);
  }

  /** Changes a budget; what was used stays used. Lowering a limit below it blocks new calls and touches no running one.
   *  @throws AppError not_found; version_conflict; managed_by_file; invalid_value — an unknown limit */
  async updateBudget(
    principal: Principal,
    target: { readonly id: string; readonly version: number },
    patch: BudgetPatch,
  ): Promise<BudgetView> {
    await this.#change(principal, target, (before) => {
      const amounts = new Map((patch.limits ?? []).map(({ id, amount }) => [id, amount]));
      for (const [id, amount] of amounts) {
        requireWhole(before.metric, amount);
        if (!before.limits.some((limit) => limit.id === id)) {
          throw new AppError('invalid_value', `limits: ${id} is no limit of this budget.`, { param: 'limits' });
        }
      }
      return {
        ...before,
        name: patch.name ?? before.name,
        enforcement: patch.enforcement ?? before.enforcement,
        onExhausted: patch.onExhausted ?? before.onExhausted,
        carveOutBp: patch.carveOutBp ?? before.carveOutBp,
        limits: before.limits.map((limit) => ({ ...limit, amount: amounts.get(limit.id) ?? limit.amount })),
      };
    });
    return this.findBudget(principal, target.id);
  }

  /** Takes a budget out of force; its balances and their history stay. @throws AppError not_found; version_conflict; managed_by_file */
  async archiveBudget(
    principal: Principal,
    target: { readonly id: string; readonly version: number },
  ): Promise<BudgetView> {
    await this.#change(principal, target, (before) => ({ ...before, state: 'archived' }));
    return this.findBudget(principal, target.id);
  }

  async #change(
    principal: Principal,
    target: { readonly id: string; readonly version: number },
    next: (before: Budget) => Budget,
  ): Promise<void> {
    await this.#write(async (tx) => {
      const before = await this.repository.find(tx, principal.orgId, target.id, true);
      if (before === undefined) throw notFound();
      requireReach(principal, before.scope);
      requireVersion(before.version, target.version);
      if (before.managedBy === 'file')
        throw new AppError('managed_by_file', 'This budget is managed by a configuration file. Change the file.');
      const after = { ...next(before), version: before.version + 1 };
      await this.repository.update(tx, after);
      await this.watch.changed(
        tx,
        after.limits.map((limit) => ({ budget: after, limit })),
      );
      await this.audit.record(tx, {
        type: 'budget.change',
        principal,
        object: { kind: 'budget', id: after.id, version: after.version },
        fields: ['name', 'enforcement', 'onExhausted', 'carveOutBp', 'limits', 'state'],
        old: summaryOf(before),
        new: summaryOf(after),
      });
    });
  }

  async #write(work: Parameters<ConfigSnapshots['change']>[0]): Promise<void> {
    try {
      await this.snapshots.change(work);
    } catch (error) {
      if (!isUniqueViolation(error, 'budget_name')) throw error;
      throw new AppError('conflict', 'There is a budget of this name already. Choose another name.', { param: 'name' });
    }
  }
}

/** @throws AppError invalid_value — a fraction of a token or of a request */
function requireWhole(metric: Budget['metric'], amount: PicoUsd): void {
  if (isWholeFor(metric, amount)) return;
  throw new AppError('invalid_value', `limits: an amount of ${metric} must be a whole number.`, { param: 'limits' });
}

function notFound(): AppError {
  return new AppError('not_found', 'There is no such budget.');
}

/** An administrator every scope, a lead the own team. */
function requireReach(principal: Principal, scope: Budget['scope']): void {
  if (principal.roles.includes('admin')) return;
  if (scope.type === 'TEAM' && scope.id === principal.teamId) return;
  throw new AppError('insufficient_scope', 'You may set budgets of your own team only. Ask an administrator.');
}

function summaryOf({
  name,
  enforcement,
  onExhausted,
  carveOutBp,
  state,
  limits,
}: Budget): Record<string, string | number | string[]> {
  return {
    carveOutBp,
    enforcement,
    limits: limits.map(({ period, amount }) => `${period} ${formatAmount(amount)}`),
    name,
    onExhausted,
    state,
  };
}
