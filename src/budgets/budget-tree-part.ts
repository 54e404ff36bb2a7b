import { Injectable } from '@nestjs/common';

import { ConfigSnapshots, type SnapshotPart } from '../platform/snapshot/index.js';
import { formatAmount } from '../platform/money/index.js';
import { BudgetTree } from './domain/budget-tree.js';
import { writeThreshold } from './domain/thresholds.js';
import { BudgetRepository } from './persistence/budget.repository.js';

/** The budgets of a configuration. */
@Injectable()
export class BudgetTreePart {
  readonly part: SnapshotPart<BudgetTree>;

  constructor(snapshots: ConfigSnapshots, budgets: BudgetRepository) {
    this.part = snapshots.register({
      name: 'budgets',
      load: async (tx) => {
        const active = await budgets.findActive(tx);
        const rows = active.map((budget) => ({
          ...budget,
          limits: budget.limits.map((limit) => ({
            ...limit,
            amount: formatAmount(limit.amount),
            thresholds: limit.thresholds.map(writeThreshold),
          })),
        }));
        return { value: new BudgetTree(active), rows };
      },
    });
  }
}
