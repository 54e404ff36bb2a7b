import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { connect, UnitOfWork } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { OutboxRepository, type OutboxEvent } from '../../../src/platform/outbox/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { rows } from '../../support/rows.js';

const outbox = new OutboxRepository();
const ORG = '00000000-0000-7000-8000-000000000001';

let database: TestDatabase;
let dataSource: DataSource;
let unitOfWork: UnitOfWork;

const notice = (name: string): OutboxEvent => ({
  id: newId(),
  orgId: ORG,
  type: 'price.changed',
  atMs: 1_000,
  data: { name },
});

/** A transaction that has written a notice and stays open until it is told to end. */
async function openWriter(name: string): Promise<{ end(): Promise<void> }> {
  let end = (): void => undefined;
  const mayEnd = new Promise<void>((resolve) => (end = resolve));
  let hasWritten = (): void => undefined;
  const written = new Promise<void>((resolve) => (hasWritten = resolve));
  const ended = unitOfWork.run(async (tx) => {
    await outbox.insert(tx, [notice(name)]);
    hasWritten();
    await mayEnd;
  });
  await written;
  return {
    end: async () => {
      end();
      await ended;
    },
  };
}

const publish = (): Promise<number> => unitOfWork.run((tx) => outbox.publish(tx));

/** Reads on from `after`, as a subscription does. */
async function readOn(after: number): Promise<{ readonly names: unknown[]; readonly head: number }> {
  await publish();
  const events = await unitOfWork.read((tx) => outbox.findAfter(tx, after));
  return { names: events.map(({ data }) => data['name']), head: events.at(-1)?.seq ?? after };
}

beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = await connect({ url: database.url, role: 'aip_app', poolSize: 8 });
  unitOfWork = new UnitOfWork(dataSource);
});

beforeEach(() => rows(database.url, 'DELETE FROM outbox'));

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

describe('the order of notices', () => {
  it('misses nothing that commits after a later notice was read', async () => {
    const slow = await openWriter('slow');
    await (await openWriter('quick')).end();
    const first = await readOn(0);
    expect(first.names).toEqual(['quick']);

    await slow.end();
    const second = await readOn(first.head);
    expect(second.names).toEqual(['slow']);
    expect((await readOn(second.head)).names).toEqual([]);
  });

  it('keeps the order of writing among notices that became visible together', async () => {
    await unitOfWork.run((tx) => outbox.insert(tx, ['a', 'b', 'c'].map(notice)));
    expect((await readOn(0)).names).toEqual(['a', 'b', 'c']);
  });

  it('shows nothing of a transaction that was rolled back', async () => {
    await unitOfWork
      .run(async (tx) => {
        await outbox.insert(tx, [notice('undone')]);
        throw new Error('no');
      })
      .catch(() => undefined);
    expect((await readOn(0)).names).toEqual([]);
  });

  it('numbers each notice once when several publish, and readers on the way see every one', async () => {
    const seen: unknown[] = [];
    let head = 0;
    const writers = Array.from({ length: 40 }, async (_, index) => {
      const writer = await openWriter(`n${String(index)}`);
      await writer.end();
    });
    const reader = (async () => {
      while (seen.length < 40) {
        const { names, head: next } = await readOn(head);
        seen.push(...names);
        head = next;
      }
    })();
    await Promise.all([...writers, reader, ...Array.from({ length: 5 }, publish)]);
    expect(new Set(seen).size).toBe(40);
    expect((await readOn(0)).names).toEqual(seen);
  });

  it('goes on above the old numbers when old notices were deleted', async () => {
    await (await openWriter('old')).end();
    const { head } = await readOn(0);
    await rows(database.url, 'DELETE FROM outbox');
    await (await openWriter('new')).end();
    expect(await readOn(head)).toMatchObject({ names: ['new'] });
  });

  it('does not publish what another publisher is numbering', async () => {
    await (await openWriter('one')).end();
    const counts = await unitOfWork.run(async (tx) => [await outbox.publish(tx), await publish()]);
    expect(counts).toEqual([1, 0]);
  });
});
