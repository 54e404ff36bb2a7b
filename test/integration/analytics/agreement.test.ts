import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { digestOf } from '../../../src/metering/statements/statements.service.js';
import { newId } from '../../../src/platform/ids/index.js';
import { formatAmount, parseAmount, picoUsd, sum, type PicoUsd } from '../../../src/platform/money/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { checkFocus, publishedColumns, readFocus } from '../../support/focus-check.js';
import { rows } from '../../support/rows.js';
import { ORG, TEAM } from '../budgets/ledger-world.js';
import { DAY, HOUR, priced, ReportingWorld, seeded, T0 } from '../metering/reporting-world.js';
import { ExportRig, PRINCIPAL } from './export-rig.js';

const next = seeded(5);
const OCTOBER = Date.UTC(2026, 9, 1);
const NOVEMBER = Date.UTC(2026, 10, 1);
const CASES = [newId(), newId(), newId()];
const OTHER_TEAM = newId();
const other = { orgId: ORG, userId: newId() } as Principal;
let database: TestDatabase;
let world: ReportingWorld;
let rig: ExportRig;

async function seed(fromMs: number, toMs: number, calls: number): Promise<void> {
  const starts = Array.from({ length: calls }, () => fromMs + next(toMs - fromMs)).sort((a, b) => a - b);
  for (const atMs of starts) {
    const fields = {
      atMs,
      requestId: newId(),
      userId: newId(),
      teamId: [TEAM, OTHER_TEAM, null][next(3)] ?? null,
      investigationId: [...CASES, null][next(4)] ?? null,
    };
    const first = priced('gpt-x', next, { ...fields, attempt: 1, outcome: next(4) === 0 ? 'truncated' : 'ok' });
    const second = priced('claude-y', next, {
      ...fields,
      atMs: Math.min(atMs + next(HOUR / 10), toMs - 1),
      attempt: 2,
    });
    world.clock.atMs = atMs + HOUR / 10;
    await world.settle(first.outcome === 'ok' ? [first] : [first, second]);
  }
}

/** One charge of September turns out to be `amount` more, as a posted variance says it. */
async function correct(amount: string): Promise<void> {
  world.clock.atMs += 60_000;
  const [cell] = await rows<{ day: string; cost: string }>(
    database.url,
    `SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(cost)::text AS cost FROM usage_meter_fact
      WHERE provider = 'open' AND meter = 'input' AND at < '2026-10-01' GROUP BY 1 ORDER BY 1 LIMIT 1`,
  );
  const day = cell?.day ?? '';
  const line = { kind: 'USAGE', credential: null, day, model: 'gpt-x', meter: 'input', quantity: null } as const;
  const invoice = await world.invoices.importInvoice(PRINCIPAL, {
    provider: 'open',
    number: newId(),
    currency: 'USD',
    fromDay: day,
    toDay: day,
    lines: [{ ...line, amount: picoUsd(parseAmount(cell?.cost ?? '0') + parseAmount(amount)) }],
  });
  const { id } = await world.reconciliations.reconcile(PRINCIPAL, invoice.id);
  const reason = 'The partner corrected its count';
  await world.reconciliations.propose(PRINCIPAL, id, { version: 1, reason, verdicts: ['OVER', 'UNDER'] });
  await world.reconciliations.post(other, id);
  await world.rollups.refresh();
}

const state = (month: string, more = {}): Parameters<ReportingWorld['statements']['make']>[1] => ({
  scopeType: 'ORGANISATION',
  scopeId: ORG,
  currency: 'USD',
  state: 'FINAL',
  month,
  ...more,
});

beforeAll(async () => {
  database = await createTestDatabase();
  world = await ReportingWorld.start(database.url);
  rig = new ExportRig(world);
  await seed(T0, OCTOBER, 120);
  world.clock.atMs = OCTOBER + HOUR / 2;
  await world.rollups.refresh();
}, 120_000);
afterAll(async () => {
  await world.stop();
  await database.drop();
});

describe('rollups, statements, FOCUS export and ledger agree to the pico', () => {
  const totals: PicoUsd[] = [];

  it('a month that is not over is stated as a draft only', async () => {
    await expect(world.statements.make(PRINCIPAL, state('2026-10'))).rejects.toMatchObject({ code: 'conflict' });
    const draft = await world.statements.make(PRINCIPAL, state('2026-10', { state: 'DRAFT' }));
    expect(draft).toMatchObject({ state: 'DRAFT', sha256: null, total: 0n });
  });

  it('a final statement carries the digest of its lines and is never changed', async () => {
    const made = await world.statements.make(PRINCIPAL, state('2026-09'));
    totals.push(made.total);
    expect(made.total).toBe(await world.ledger());
    const lines = await world.statements.findLines(PRINCIPAL, made.id, { after: 0, limit: 200 });
    expect(sum(lines.map(({ cost }) => cost))).toBe(made.total);
    expect(digestOf(made, lines)).toBe(made.sha256);
    await expect(world.statements.make(PRINCIPAL, state('2026-09'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(rows(database.url, `UPDATE statement SET total = 0`)).rejects.toThrow('never changed');
    await expect(rows(database.url, `DELETE FROM statement_line`)).rejects.toThrow('never changed');
  });

  it('what becomes known later stands as a Correction in the next statement', async () => {
    await correct('0.700000000001');
    await seed(OCTOBER, NOVEMBER, 60);
    world.clock.atMs = NOVEMBER + 2 * DAY;
    await world.rollups.refresh();
    const made = await world.statements.make(PRINCIPAL, state('2026-10'));
    totals.push(made.total);
    expect(formatAmount(made.corrections)).toBe('0.700000000001');
    const lines = await world.statements.findLines(PRINCIPAL, made.id, { after: 0, limit: 200 });
    const corrections = lines.filter((line) => line.class === 'CORRECTION');
    expect(new Set(corrections.map(({ month }) => month))).toEqual(new Set(['2026-09']));
  });

  it('is corrected once', async () => {
    const draft = await world.statements.make(PRINCIPAL, state('2026-11', { state: 'DRAFT' }));
    expect(draft.corrections).toBe(0n);
  });

  it('and all of them say the same', async () => {
    const ledger = formatAmount(await world.ledger());
    const range = { fromMs: T0, toMs: NOVEMBER };
    const filter = { ...range, timeZone: 'UTC', currency: 'USD', simulated: false };
    const said = new Map<string, string>([['statements', formatAmount(sum(totals))]]);
    for (const by of ['INVESTIGATION', 'MODEL', 'USER', 'TEAM'] as const) {
      const { total, rows: groups } = await rig.usage.attribution(PRINCIPAL, {
        filter,
        by: [by],
        first: 1_000,
        offset: 0,
      });
      said.set(`report by ${by}`, formatAmount(picoUsd(total)));
      said.set(`groups by ${by}`, formatAmount(sum(groups.map(({ totals: { cost } }) => cost.amount))));
    }
    for (const level of ['hour', 'hour_partner', 'hour_user', 'day', 'day_case', 'day_user', 'day_investigation']) {
      const [row] = await rows<{ cost: string }>(
        database.url,
        'SELECT sum(cost)::text AS cost FROM usage_rollup WHERE level = $1 AND start < $2',
        [level, new Date(NOVEMBER)],
      );
      said.set(`rollup ${level}`, row?.cost ?? '');
    }
    for (const period of ['hour', 'day'] as const) {
      const { records } = readFocus(await rig.text(await rig.make({ kind: 'focus', ...range, period })));
      said.set(
        `FOCUS by ${period}`,
        formatAmount(sum(records.map((record) => parseAmount(record['BilledCost'] ?? '')))),
      );
    }
    expect(said).toEqual(new Map([...said.keys()].map((source) => [source, ledger])));
    expect(await world.rollups.check(62)).toEqual([]);
  });

  it('the FOCUS rows of a stated month that changed are Corrections billed in the next, and keep the rules', async () => {
    const file = readFocus(await rig.text(await rig.make({ kind: 'focus', fromMs: T0, toMs: OCTOBER })));
    const corrections = file.records.filter((record) => record['ChargeClass'] === 'Correction');
    expect(formatAmount(sum(corrections.map((record) => parseAmount(record['BilledCost'] ?? ''))))).toBe(
      '0.700000000001',
    );
    expect(new Set(corrections.map((record) => record['BillingPeriodStart']))).toEqual(
      new Set(['2026-10-01T00:00:00Z']),
    );
    expect(checkFocus(file, publishedColumns() ?? [])).toEqual([]);
  });

  it('statements of teams, investigations and cost centres add up to the whole', async () => {
    await rows(
      database.url,
      `INSERT INTO cost_centre_member (org_id, kind, subject_id, cost_centre, set_by, set_at)
       VALUES ($1, 'TEAM', $2, 'CC-1', $1, now()), ($1, 'INVESTIGATION', $3, 'CC-2', $1, now())`,
      [ORG, TEAM, CASES[0]],
    );
    const draft = async (scopeType: string, scopeId: string): Promise<bigint> =>
      (await world.statements.make(PRINCIPAL, state('2026-10', { scopeType, scopeId, state: 'DRAFT' }))).total;
    const [whole] = await rows<{ cost: string; none: string; own: string }>(
      database.url,
      `SELECT sum(cost)::text AS cost, coalesce(sum(cost) FILTER (WHERE investigation_id IS NULL), 0)::text AS none,
              coalesce(sum(cost) FILTER (WHERE team_id = $3 AND investigation_id IS DISTINCT FROM $4), 0)::text AS own
         FROM usage_fact WHERE at >= $1 AND at < $2`,
      [new Date(OCTOBER), new Date(NOVEMBER), TEAM, CASES[0]],
    );
    const parts = await Promise.all(CASES.map((id) => draft('INVESTIGATION', id)));
    expect(formatAmount(picoUsd(parts.reduce((a, b) => a + b, 0n) + parseAmount(whole?.none ?? '0')))).toBe(
      whole?.cost,
    );
    expect(formatAmount(picoUsd(await draft('COST_CENTRE', 'CC-1')))).toBe(whole?.own);
    expect(await draft('COST_CENTRE', 'CC-2')).toBe(await draft('INVESTIGATION', CASES[0] ?? ''));
  });
});
