import type { DataSource } from 'typeorm';

import type { AuditService } from '../../../src/audit/index.js';
import {
  InvoicesService,
  MeteringService,
  PostedWindows,
  ReconciliationsService,
  RollupsService,
  StatementsService,
  type ChargeChange,
  type Meter,
  type MovedWindows,
  type UsageRecord,
} from '../../../src/metering/index.js';
import { ReconciliationSurroundings } from '../../../src/metering/invoices/reconciliation-surroundings.js';
import { VariancePosting } from '../../../src/metering/invoices/variance-posting.js';
import { ChargeRepository } from '../../../src/metering/persistence/charge.repository.js';
import { METERING_ENTITIES } from '../../../src/metering/persistence/entities.js';
import { InvoiceRepository } from '../../../src/metering/persistence/invoice.repository.js';
import { LedgerRepository } from '../../../src/metering/persistence/ledger.repository.js';
import { PriceVersionRepository } from '../../../src/metering/persistence/price-version.repository.js';
import { ReconciliationRepository } from '../../../src/metering/persistence/reconciliation.repository.js';
import { RollupRepository } from '../../../src/metering/persistence/rollup.repository.js';
import { StatementRepository } from '../../../src/metering/persistence/statement.repository.js';
import { UsageRecordRepository } from '../../../src/metering/persistence/usage-record.repository.js';
import { Clock } from '../../../src/platform/clock/index.js';
import { connect, UnitOfWork } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { parseAmount, picoUsd, sum, type PicoUsd } from '../../../src/platform/money/index.js';
import { OutboxRepository } from '../../../src/platform/outbox/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import { ConfigListener } from '../../../src/platform/snapshot/persistence/config-listener.js';
import { rows } from '../../support/rows.js';
import { aUsageRecord, ORG } from '../budgets/ledger-world.js';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** The first instant of the seeded period. */
export const T0 = Date.UTC(2026, 8, 1);

/** A clock that stands where the test puts it. */
export class StandingClock extends Clock {
  atMs = T0;

  override nowMs(): number {
    return this.atMs;
  }

  override nowMicros(): number {
    return this.atMs * 1000;
  }

  override monotonicMs(): number {
    return this.atMs;
  }

  override after(): () => void {
    return () => undefined;
  }
}

/** Numbers that look random and are the same each time. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PRICES: Readonly<Record<string, Partial<Record<Meter, string>>>> = {
  'gpt-x': { input: '0.000001234567', cachedInput: '0.000000123457', output: '0.000009876543' },
  'claude-y': {
    input: '0.000003',
    cacheWrite: '0.00000375',
    output: '0.000015',
    reasoning: '0.000015',
    webSearch: '0.01',
  },
};

/** No budget covers anything; remembers what it was told. */
class NoWindows extends PostedWindows {
  readonly changes: ChargeChange[] = [];

  override change(_: unknown, changes: readonly ChargeChange[]): Promise<ReadonlyMap<string, MovedWindows>> {
    this.changes.push(...changes);
    return Promise.resolve(new Map());
  }
}

/** Metering on a database of its own, with prices, and usage that is written as a settlement writes it. */
export class ReportingWorld {
  readonly clock = new StandingClock();
  readonly unitOfWork: UnitOfWork;
  readonly metering: MeteringService;
  readonly rollups: RollupsService;
  readonly statements: StatementsService;
  readonly invoices: InvoicesService;
  readonly reconciliations: ReconciliationsService;
  readonly windows = new NoWindows();
  readonly audited: unknown[] = [];
  readonly usage = new UsageRecordRepository();

  private constructor(
    readonly url: string,
    readonly dataSource: DataSource,
  ) {
    this.unitOfWork = new UnitOfWork(dataSource);
    this.metering = new MeteringService(
      new ConfigSnapshots(this.unitOfWork, this.clock, new ConfigListener(dataSource)),
      this.unitOfWork,
      this.clock,
      this.usage,
      new LedgerRepository(),
      new PriceVersionRepository(),
    );
    this.rollups = new RollupsService(this.unitOfWork, this.clock, new RollupRepository(), this.usage);
    const { unitOfWork, clock, rollups } = this;
    const audit = {
      record: (_: unknown, change: unknown) => Promise.resolve(void this.audited.push(change)),
    } as unknown as AuditService;
    const [charges, invoices] = [new ChargeRepository(), new InvoiceRepository()];
    this.statements = new StatementsService(unitOfWork, new StatementRepository(), rollups, audit, clock);
    this.invoices = new InvoicesService(unitOfWork, invoices, audit, clock);
    this.reconciliations = new ReconciliationsService(
      unitOfWork,
      invoices,
      new ReconciliationRepository(),
      charges,
      new VariancePosting(charges, new LedgerRepository(), this.windows, rollups, clock),
      new ReconciliationSurroundings(clock, audit, new OutboxRepository()),
    );
  }

  static async start(url: string): Promise<ReportingWorld> {
    const dataSource = await connect({ url, role: 'aip_app', poolSize: 4, entities: [...METERING_ENTITIES] });
    const world = new ReportingWorld(url, dataSource);
    await world.unitOfWork.run((tx) => world.metering.ensureMonthsFrom(tx, T0 - 31 * DAY, 6));
    for (const [model, meters] of Object.entries(PRICES)) {
      for (const [meter, amount] of Object.entries(meters)) {
        await rows(
          url,
          `INSERT INTO price_version (id, vendor, model, service_tier, context_from, meter, currency, amount, effective_from, source,
             as_of, confirmed) VALUES ($1, 'acme', $2, 'standard', 0, $3, 'USD', $4, '2026-01-01', 'test', '2026-01-01', true)`,
          [priceId(model, meter), model, meter, amount],
        );
      }
    }
    return world;
  }

  async stop(): Promise<void> {
    await this.dataSource.destroy();
  }

  /** Writes attempts of one request and the ledger entry that charges them. */
  async settle(records: readonly UsageRecord[]): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    await this.unitOfWork.run(async (tx) => {
      await this.metering.insertUsage(tx, records);
      await this.metering.insertLedger(tx, [
        {
          id: newId(),
          orgId: first.orgId,
          atMs: first.atMs + 1_000,
          holdId: newId(),
          requestId: first.requestId,
          kind: 'SETTLE',
          currency: first.currency,
          amount: sum(records.map(({ cost }) => cost)),
          balanceIds: [],
          heldDeltas: [],
          postedDeltas: [],
          reason: 'settle',
          ref: null,
        },
      ]);
    });
  }

  /** Σ of what the ledger charged. */
  async ledger(orgId = ORG, currency = 'USD'): Promise<PicoUsd> {
    const [row] = await rows<{ sum: string }>(
      this.url,
      `SELECT coalesce(sum(amount), 0)::numeric(28,12) AS sum FROM ledger_entry
        WHERE org_id = $1 AND currency = $2 AND kind IN ('SETTLE', 'ADJUST')`,
      [orgId, currency],
    );
    return parseAmount(row?.sum ?? '0');
  }
}

function priceId(model: string, meter: string): string {
  return `pv_${Buffer.from(`${model}${meter}`).toString('hex').padEnd(32, '0').slice(0, 32)}`;
}

/** One priced attempt of `model` at `atMs`: what it cost is what its meters cost. */
export function priced(model: string, next: (below: number) => number, fields: Partial<UsageRecord>): UsageRecord {
  const meters = PRICES[model] ?? {};
  const of = (meter: Meter, below: number): number => (meters[meter] === undefined ? 0 : next(below));
  const usage = {
    input: 1 + of('input', 3_000),
    cachedInput: of('cachedInput', 500),
    cacheWrite: of('cacheWrite', 400),
    output: of('output', 900),
    reasoning: of('reasoning', 700),
  };
  const extras =
    meters.webSearch === undefined || next(3) > 0 ? [] : [{ meter: 'webSearch' as const, quantity: 1 + next(3) }];
  const used: readonly (readonly [string, number])[] = [
    ...Object.entries(usage),
    ...extras.map(({ meter, quantity }) => [meter, quantity] as const),
  ];
  let cost = 0n;
  const priceIds: Record<string, string> = {};
  for (const [meter, quantity] of used) {
    if (quantity === 0) continue;
    cost += BigInt(quantity) * parseAmount(meters[meter as Meter] ?? '0');
    priceIds[meter] = priceId(model, meter);
  }
  return aUsageRecord({
    requestId: newId(),
    provider: model === 'gpt-x' ? 'open' : 'anth',
    model,
    upstreamModel: model,
    usage,
    extras,
    cost: picoUsd(cost),
    priceIds,
    ...fields,
  });
}
