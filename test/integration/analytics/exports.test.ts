import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { FOCUS_COLUMNS, FOCUS_SOURCE } from '../../../src/analytics/domain/focus-columns.js';
import { newId } from '../../../src/platform/ids/index.js';
import { formatAmount, parseAmount, sum } from '../../../src/platform/money/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { checkFocus, publishedColumns, readFocus } from '../../support/focus-check.js';
import { rows } from '../../support/rows.js';
import { DAY, HOUR, priced, ReportingWorld, seeded, T0 } from '../metering/reporting-world.js';
import { aQuery, ExportRig, PRINCIPAL } from './export-rig.js';

const next = seeded(11);
const columns = publishedColumns();
const PERIOD = { fromMs: T0, toMs: T0 + 4 * DAY };
let database: TestDatabase;
let world: ReportingWorld;
let rig: ExportRig;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await ReportingWorld.start(database.url);
  rig = new ExportRig(world);
  const people = [newId(), newId(), newId()];
  const cases = [newId(), newId(), null];
  for (let index = 0; index < 150; index += 1) {
    const fields = {
      atMs: T0 + next(4 * DAY),
      requestId: newId(),
      userId: people[next(3)] ?? '',
      investigationId: cases[next(3)] ?? null,
    };
    world.clock.atMs = fields.atMs;
    await world.settle([priced(next(2) === 0 ? 'gpt-x' : 'claude-y', next, fields)]);
  }
  // A call whose end nobody saw: charged with more than its meters say.
  const unseen = priced('gpt-x', next, {
    atMs: T0 + DAY,
    unconfirmed: true,
    outcome: 'unknown',
    usageSource: 'estimated',
  });
  await world.settle([{ ...unseen, cost: parseAmount('0.123456789012') }]);
  world.clock.atMs = T0 + 6 * DAY;
  await world.rollups.refresh();
});
afterAll(async () => {
  await world.stop();
  await database.drop();
});

describe('a FOCUS export', () => {
  it('sums to the ledger, to the pico, by day and by hour', async () => {
    for (const period of ['day', 'hour'] as const) {
      const { records } = readFocus(await rig.text(await rig.make({ kind: 'focus', ...PERIOD, period })));
      for (const column of ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost']) {
        const total = sum(records.map((record) => parseAmount(record[column] ?? '')));
        expect(formatAmount(total)).toBe(formatAmount(await world.ledger()));
      }
    }
  });

  (columns === undefined ? it.skip : it)('keeps every rule of the published specification', async () => {
    for (const period of ['day', 'hour'] as const) {
      const file = readFocus(await rig.text(await rig.make({ kind: 'focus', ...PERIOD, period })));
      expect(file.records.length).toBeGreaterThan(50);
      expect(checkFocus(file, columns ?? [])).toEqual([]);
      expect(file.records.filter((record) => record['ChargeCategory'] === 'Adjustment')).toHaveLength(1);
    }
  });

  (columns === undefined ? it.skip : it)('has the columns that the specification publishes', () => {
    const published = new Map((columns ?? []).map((column) => [column.id, column]));
    expect(FOCUS_SOURCE.version).toBe('1.2');
    for (const { id, level, type, nullable } of FOCUS_COLUMNS) {
      expect({ id, level, type, nullable }).toEqual({
        id,
        level: published.get(id)?.level,
        type: published.get(id)?.dataType,
        nullable: published.get(id)?.nulls === 'True',
      });
    }
    const mandatory = (columns ?? []).filter(({ level }) => level === 'Mandatory').map(({ id }) => id);
    expect(FOCUS_COLUMNS.map(({ id }) => id)).toEqual(expect.arrayContaining(mandatory));
  });

  (columns === undefined ? it.skip : it)('is checked by a check that notices', async () => {
    const file = readFocus(await rig.text(await rig.make({ kind: 'focus', ...PERIOD })));
    const [first = {}] = file.records;
    const spoilt = (change: Record<string, string | null>): readonly string[] =>
      checkFocus({ header: file.header, records: [{ ...first, ...change }] }, columns ?? []);
    expect(spoilt({ BilledCost: null })).not.toEqual([]);
    expect(spoilt({ BilledCost: '1e3' })).not.toEqual([]);
    expect(spoilt({ ChargeCategory: 'Fee' })).not.toEqual([]);
    expect(spoilt({ ListUnitPrice: '1' })).not.toEqual([]);
    expect(spoilt({ BillingPeriodEnd: '2026-09-02T00:00:00Z', ChargePeriodEnd: '2026-09-03T00:00:00Z' })).not.toEqual(
      [],
    );
    expect(checkFocus({ header: file.header.slice(1), records: [] }, columns ?? [])).not.toEqual([]);
  });

  it('of later versions has their columns', async () => {
    const { header } = readFocus(await rig.text(await rig.make({ kind: 'focus', ...PERIOD, spec: '1.3' })));
    expect(header).toEqual(expect.arrayContaining(['ServiceProviderName', 'HostProviderName']));
  });
});

describe('a report', () => {
  it('gives the same bytes for the same query, and names their digest', async () => {
    const [a, b] = [await rig.make({ kind: 'focus', ...PERIOD }), await rig.make({ kind: 'focus', ...PERIOD })];
    const text = await rig.text(a);
    expect(await rig.text(b)).toBe(text);
    expect(a.manifest).toMatchObject({
      files: [
        {
          name: 'focus_2026-09-01_2026-09-05.csv',
          sha256: hash('sha256', text, 'hex'),
          bytes: text.length,
          rows: a.rows,
        },
      ],
      metadata: { FocusVersion: '1.2' },
    });
    expect(rig.audited).toContainEqual(
      expect.objectContaining({ type: 'data.disclose', pub: expect.objectContaining({ id: a.id }) }),
    );
  });

  it('of usage and of a chargeback sums to the ledger as well', async () => {
    const month = { fromMs: T0, toMs: Date.UTC(2026, 9, 1) };
    for (const [kind, range] of [
      ['usage', PERIOD],
      ['chargeback', month],
    ] as const) {
      const { records } = readFocus(await rig.text(await rig.make({ kind, ...range })));
      expect(sum(records.map((record) => parseAmount(record['Cost'] ?? '')))).toBe(await world.ledger());
    }
  });

  it('as JSONL has one object per line and no number that could lose a digit', async () => {
    const job = await rig.make({ kind: 'usage', ...PERIOD, format: 'jsonl' });
    const lines = (await rig.text(job))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(job.rows);
    for (const line of lines) expect(Object.values(line).filter((value) => typeof value === 'number')).toEqual([]);
  });

  it('goes on after its last complete unit when its process died, with the same bytes', async () => {
    const whole = await rig.make({ kind: 'focus', ...PERIOD, period: 'hour' });
    const { id } = await rig.reports.start(PRINCIPAL, aQuery({ kind: 'focus', ...PERIOD, period: 'hour' }), newId());
    const dying = new ExportRig(world);
    const write = dying.lines.write.bind(dying.lines);
    let units = 0;
    dying.lines.write = (...wish) => (++units === 3 ? Promise.reject(new Error('killed')) : write(...wish));
    await expect(dying.runner.runNext()).rejects.toThrow('killed');
    expect(await rig.reports.find(PRINCIPAL, id)).toMatchObject({ state: 'QUEUED', unitsDone: 2 });
    await rows(
      database.url,
      `INSERT INTO report_chunk SELECT job_id, 99, 2, rows, starts_at, bytes, content FROM report_chunk
       WHERE job_id = $1 ORDER BY n LIMIT 1`,
      [id],
    );
    expect(await rig.runner.runNext()).toBe(true);
    const job = await rig.reports.find(PRINCIPAL, id);
    expect(await rig.stored(id)).toBe(await rig.text(whole));
    expect(job.manifest?.['files']).toEqual(whole.manifest?.['files']);
  });

  it('is downloaded from any byte on', async () => {
    const job = await rig.make({ kind: 'focus', ...PERIOD });
    const text = await rig.text(job);
    expect(await rig.text(job, 1_234)).toBe(text.slice(1_234));
    await expect(rig.text(job, job.bytes + 1)).rejects.toMatchObject({ code: 'invalid_value' });
  });

  it('is ordered once per key', async () => {
    const query = aQuery({ kind: 'usage', ...PERIOD });
    const [a, b] = [
      await rig.reports.start(PRINCIPAL, query, 'once'),
      await rig.reports.start(PRINCIPAL, query, 'once'),
    ];
    expect(a.id).toBe(b.id);
    await expect(rig.reports.content(PRINCIPAL, a.id, 0)).rejects.toMatchObject({ code: 'export_not_ready' });
    const other = rig.reports.start(PRINCIPAL, { ...query, format: 'jsonl' }, 'once');
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });
});

describe('usage reports', () => {
  const filter = {
    fromMs: T0 + HOUR / 2,
    toMs: T0 + 4 * DAY - HOUR / 3,
    timeZone: 'UTC',
    currency: 'USD',
    simulated: false,
  };

  it.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata'])(
    'in %s sum to the records, whatever they are grouped by',
    async (timeZone) => {
      const [expected] = await rows<{ cost: string }>(
        database.url,
        `SELECT sum(cost)::text AS cost FROM usage_record WHERE at >= $1 AND at < $2`,
        [new Date(filter.fromMs), new Date(filter.toMs)],
      );
      for (const granularity of ['HOUR', 'DAY', 'TOTAL'] as const) {
        for (const by of [
          [],
          ['MODEL'],
          ['USER', 'INVESTIGATION'],
          ['USER', 'MODEL', 'OUTCOME'],
          ['SERVICE_TIER'],
        ] as const) {
          const { points } = await rig.usage.usage(PRINCIPAL, { filter: { ...filter, timeZone }, granularity, by });
          expect(formatAmount(sum(points.map(({ totals }) => totals.cost.amount)))).toBe(expected?.cost);
        }
      }
    },
  );

  it('by day in a zone begin at its midnight', async () => {
    const wish = { granularity: 'DAY', by: [] } as const;
    const { points } = await rig.usage.usage(PRINCIPAL, { filter: { ...filter, timeZone: 'Europe/Berlin' }, ...wish });
    for (const { startMs } of points) expect(((startMs ?? 0) + 2 * HOUR) % DAY).toBe(0);
  });

  it('count usage that is not summed yet', async () => {
    const before = await rig.usage.attribution(PRINCIPAL, { filter, by: ['MODEL'], first: 10, offset: 0 });
    const late = priced('gpt-x', next, { atMs: T0 + 8 * DAY });
    world.clock.atMs = late.atMs;
    await world.settle([late]);
    const wide = { ...filter, toMs: T0 + 9 * DAY };
    const after = await rig.usage.attribution(PRINCIPAL, { filter: wide, by: ['MODEL'], first: 10, offset: 0 });
    expect(after.total).toBeGreaterThan(before.total);
    expect(after.asOfMs).toBe(world.clock.atMs);
  });
});
