import type { DataSource } from 'typeorm';

import { BalanceIds } from '../../../src/budgets/balance-ids.js';
import { BudgetFlush } from '../../../src/budgets/budget-flush.js';
import { BudgetTreePart } from '../../../src/budgets/budget-tree-part.js';
import {
  BudgetsService,
  type Ask,
  type AskWish,
  type FlushResult,
  type FlushWork,
  type Hold,
  type Settle,
  type Verdict,
} from '../../../src/budgets/index.js';
import type { Budget } from '../../../src/budgets/domain/budget.js';
import { DEFAULT_THRESHOLDS } from '../../../src/budgets/domain/thresholds.js';
import { LateTruth } from '../../../src/budgets/late-truth.js';
import { LedgerCheck } from '../../../src/budgets/ledger-check.js';
import { OpeningBalances } from '../../../src/budgets/opening-balances.js';
import { BalanceRepository } from '../../../src/budgets/persistence/balance.repository.js';
import { BudgetRepository } from '../../../src/budgets/persistence/budget.repository.js';
import { ThresholdRepository } from '../../../src/budgets/persistence/threshold.repository.js';
import { ThresholdWatch } from '../../../src/budgets/threshold-watch.js';
import type { IdentityService } from '../../../src/identity/index.js';
import { LateCharges, MeteringService, RollupsService, type UsageRecord } from '../../../src/metering/index.js';
import { METERING_ENTITIES } from '../../../src/metering/persistence/entities.js';
import { ChargeRepository } from '../../../src/metering/persistence/charge.repository.js';
import { LedgerRepository } from '../../../src/metering/persistence/ledger.repository.js';
import { PriceVersionRepository } from '../../../src/metering/persistence/price-version.repository.js';
import { RollupRepository } from '../../../src/metering/persistence/rollup.repository.js';
import { UsageRecordRepository } from '../../../src/metering/persistence/usage-record.repository.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { connect, UnitOfWork, type Tx } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { parseAmount, type PicoUsd } from '../../../src/platform/money/index.js';
import { OutboxRepository } from '../../../src/platform/outbox/index.js';
import type { Attribution } from '../../../src/platform/security/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import { ConfigListener } from '../../../src/platform/snapshot/persistence/config-listener.js';

export const ORG = '0199f3a2-7c1e-7b3a-8000-0000000000a0';
export const USER = '0199f3a2-7c1e-7b3a-8000-0000000000a1';
export const TEAM = '0199f3a2-7c1e-7b3a-8000-0000000000a2';
export const PROVIDER = '0199f3a2-7c1e-7b3a-8000-0000000000b1';
export const OTHER_PROVIDER = '0199f3a2-7c1e-7b3a-8000-0000000000b2';
const clock = new SystemClock();
const WHO: Attribution = {
  orgId: ORG,
  teamId: TEAM,
  userId: USER,
  keyId: null,
  investigationId: null,
  operationId: null,
};

/** What one candidate of an ask costs at most. */
export interface Candidate {
  readonly provider?: string;
  readonly worst: string;
  readonly tokens?: number;
  readonly currency?: string;
}

/** A usage record that costs `cost`, of a call of {@link USER}. */
export function aUsageRecord(fields: Partial<UsageRecord> & { readonly requestId: string }): UsageRecord {
  return {
    id: newId(),
    orgId: ORG,
    atMs: clock.nowMs(),
    attempt: 1,
    providerId: PROVIDER,
    provider: 'p',
    deploymentId: newId(),
    model: 'm',
    upstreamModel: 'm-1',
    teamId: TEAM,
    userId: USER,
    keyId: null,
    investigationId: null,
    operationId: null,
    task: null,
    criticality: 'critical',
    outcome: 'ok',
    usageSource: 'reported',
    usage: { input: 10, cachedInput: 0, cacheWrite: 0, output: 5, reasoning: 0 },
    extras: [],
    currency: 'USD',
    cost: parseAmount('0.01'),
    priceIds: {},
    simulated: false,
    unconfirmed: false,
    assumed: false,
    overrun: false,
    latencyMs: 12.4,
    ttftMs: null,
    ...fields,
  };
}

/** One process's share of the ledger: services over connections of their own. */
export class Replica {
  readonly unitOfWork: UnitOfWork;
  readonly snapshots: ConfigSnapshots;
  readonly metering: MeteringService;
  readonly budgets: BudgetsService;
  readonly watch: ThresholdWatch;
  readonly repository = new BudgetRepository();

  private constructor(readonly dataSource: DataSource) {
    this.unitOfWork = new UnitOfWork(dataSource);
    this.snapshots = new ConfigSnapshots(this.unitOfWork, clock, new ConfigListener(dataSource));
    const usage = new UsageRecordRepository();
    const ledger = new LedgerRepository();
    this.metering = new MeteringService(
      this.snapshots,
      this.unitOfWork,
      clock,
      usage,
      ledger,
      new PriceVersionRepository(),
    );
    const tree = new BudgetTreePart(this.snapshots, this.repository);
    const balances = new BalanceRepository();
    const rollups = new RollupsService(this.unitOfWork, clock, new RollupRepository(), usage);
    const opening = new OpeningBalances(this.metering, this.snapshots, tree, balances);
    this.watch = new ThresholdWatch(
      this.unitOfWork,
      this.snapshots,
      tree,
      new ThresholdRepository(),
      new OutboxRepository(),
      clock,
    );
    const directory = { team: () => undefined, organisation: () => undefined };
    this.budgets = new BudgetsService(
      tree,
      new BudgetFlush(
        balances,
        new BalanceIds(balances, opening, this.metering),
        this.metering,
        new LateTruth(new LateCharges(ledger, new ChargeRepository(), rollups)),
        this.watch,
      ),
      balances,
      new LedgerCheck(this.unitOfWork, this.metering, balances),
      { directory: () => directory } as unknown as IdentityService,
    );
  }

  static async start(url: string): Promise<Replica> {
    const dataSource = await connect({ url, role: 'aip_app', poolSize: 4, entities: [...METERING_ENTITIES] });
    const replica = new Replica(dataSource);
    await replica.snapshots.refresh();
    return replica;
  }

  async stop(): Promise<void> {
    await this.dataSource.destroy();
  }

  /** Adds a budget over the organisation, or what `fields` say; in force when it resolves. */
  async addBudget(amount: string, fields: Partial<Budget> = {}): Promise<Budget> {
    const id = newId();
    const budget: Budget = {
      id,
      orgId: ORG,
      name: `budget ${id}`,
      scope: { type: 'ORGANISATION', id: ORG },
      each: null,
      match: { providers: null, models: null, criticalities: null },
      metric: 'COST',
      currency: 'USD',
      enforcement: 'HARD',
      onExhausted: 'BLOCK',
      carveOutBp: 0,
      timeZone: 'UTC',
      weekStart: 1,
      includePast: true,
      managedBy: 'ui',
      state: 'active',
      version: 1,
      createdAtMs: clock.nowMs(),
      limits: [
        {
          id: newId(),
          period: 'MONTH',
          amount: parseAmount(amount),
          custom: null,
          rollover: false,
          thresholds: DEFAULT_THRESHOLDS,
        },
      ],
      ...fields,
    };
    await this.snapshots.change((tx) => this.repository.insert(tx, budget));
    return budget;
  }

  ask(candidates: readonly Candidate[], more: Partial<AskWish> = {}): Ask {
    const nowMs = clock.nowMs();
    return this.budgets.askFor(this.snapshots.current(), {
      holdId: newId(),
      requestId: newId(),
      orgId: ORG,
      attribution: WHO,
      criticality: 'critical',
      candidates: candidates.map(({ provider = PROVIDER, worst, tokens = 100, currency = 'USD' }, index) => ({
        deployment: { id: `${provider}/${String(index)}`, providerId: provider, model: 'm' },
        currency,
        worst: parseAmount(worst),
        worstTokens: tokens,
      })),
      atMs: nowMs,
      expiresAtMs: nowMs + 60_000,
      ...more,
    });
  }

  /** One flush in a transaction of its own, with the usage of what it settled; `fail` rolls it back at the end. */
  async flush(work: Partial<FlushWork>, fail = false): Promise<FlushResult> {
    const { settles = [], asks = [] } = work;
    return this.unitOfWork.run(async (tx) => {
      const result = await this.budgets.flush(tx, { ...work, settles, asks, nowMs: clock.nowMs() });
      await this.#insertUsage(
        tx,
        settles.filter(({ hold }) => result.settled.has(hold.id)),
      );
      if (fail) throw new Error('The process dies here');
      return result;
    });
  }

  async #insertUsage(tx: Tx, settles: readonly Settle[]): Promise<void> {
    await this.metering.insertUsage(
      tx,
      settles
        .filter(({ posted }) => posted.requests > 0)
        .map(({ hold, posted, reason }) =>
          aUsageRecord({
            requestId: hold.requestId,
            outcome: reason === 'unknown' ? 'unknown' : 'ok',
            unconfirmed: reason === 'unknown',
            cost: posted.amount,
            currency: posted.currency,
            simulated: posted.currency === 'XTS',
          }),
        ),
    );
  }
}

/** The hold of a verdict; throws when the ask was refused. */
export function holdOf(verdict: Verdict | undefined): Hold {
  if (verdict?.kind !== 'held') throw new Error(`Not held: ${String(verdict?.kind)}`);
  return verdict.hold;
}

/** The end of a call that used `amount` at the first provider. */
export function settleOf(hold: Hold, amount: PicoUsd, more: Partial<Settle> = {}): Settle {
  return {
    hold,
    posted: { amount, tokens: 15, requests: 1, currency: hold.currency },
    servedDeployment: { providerId: PROVIDER, model: 'm' },
    reason: 'settle',
    ...more,
  };
}
