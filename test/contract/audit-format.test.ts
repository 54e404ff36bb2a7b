import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import pg from 'pg';

import { writeCore } from '../../src/audit/domain/core.js';
import { newId } from '../../src/platform/ids/index.js';
import { AuditRig } from '../integration/audit/audit-rig.js';

/** A core of the first format, to the byte. It must never change: logs that exist could not be read any more. */
const CORE =
  '{"_sd":["I5LNnCcCxSvQHcVRi67_61aeoIBNrLZ7ZuwYcL_Ufxs"],"_sd_alg":"sha-256","actorTag":"JGwOAyNIfgfbVyTst3DVaw",' +
  '"at":"2026-11-22T15:00:00.123456Z","caseTag":"JGwOAyNIfgfbVyTst3DVaw",' +
  '"cfg":"00000000000000000000000000000000000000000000000000000000000000ff","dur":"strict",' +
  '"id":"0199f3a2-7c1e-7b3a-8000-000000000001","lane":"0199f3a2-0000-7000-8000-000000000002",' +
  '"log":"audit.agency.example/org/2026h2","n":412,"prev":{"sha256":"' +
  `${'80'.repeat(32)}","sha3-256":"${'ba'.repeat(32)}","sha512":"${'e1'.repeat(64)}"},` +
  '"pub":{"cost":{"amount":"0.012345000000","currency":"USD"},"req":"0199f3a2-7c1b-7000-8000-000000000003"},' +
  '"ref":"0199f3a2-7c1e-7b3a-8000-000000000004","type":"ai.request.outcome","v":"aip-audit/1"}';

describe('the record format aip-audit/1', () => {
  it('is written as it always was', () => {
    const core = writeCore(
      {
        id: '0199f3a2-7c1e-7b3a-8000-000000000001',
        type: 'ai.request.outcome',
        sd: '["I5LNnCcCxSvQHcVRi67_61aeoIBNrLZ7ZuwYcL_Ufxs"]',
        actorTag: 'JGwOAyNIfgfbVyTst3DVaw',
        caseTag: 'JGwOAyNIfgfbVyTst3DVaw',
        cfg: `${'0'.repeat(62)}ff`,
        durability: 'strict',
        pub: '{"cost":{"amount":"0.012345000000","currency":"USD"},"req":"0199f3a2-7c1b-7000-8000-000000000003"}',
        ref: '0199f3a2-7c1e-7b3a-8000-000000000004',
      },
      {
        log: 'audit.agency.example/org/2026h2',
        lane: '0199f3a2-0000-7000-8000-000000000002',
        n: 412,
        at: '2026-11-22T15:00:00.123456Z',
        heads: { sha256: '80'.repeat(32), sha3: 'ba'.repeat(32), sha512: 'e1'.repeat(64) },
      },
    );
    expect(core).toBe(CORE);
  });
});

interface Core {
  readonly n: number;
  readonly prev: Readonly<Record<string, string>>;
  readonly _sd: readonly string[];
  readonly type: string;
}

/** Checks a lane with nothing of ours: a reader who has only the bytes and the published rules. */
describe('a lane as an outsider reads it', () => {
  let rig: AuditRig;
  let lines: readonly Buffer[];
  let leaves: Buffer;
  let row: { n: string; head_sha256: string; head_sha512: string; head_sha3: string };

  beforeAll(async () => {
    rig = await AuditRig.start();
    const writer = await rig.writer();
    const orgId = newId();
    for (let call = 0; call < 3; call += 1) await writer.call(0, { orgId });
    const client = new pg.Client({ connectionString: rig.database.url });
    await client.connect();
    const { rows } = await client.query<typeof row & { lane: string }>(
      'SELECT * FROM audit_lane ORDER BY n DESC LIMIT 1',
    );
    const [found] = rows;
    if (found === undefined) throw new Error('no lane');
    row = found;
    const batches = await client.query<{ body: Buffer; leaves: Buffer }>(
      'SELECT body, leaves FROM audit_batch WHERE lane = $1 ORDER BY n0',
      [found.lane],
    );
    await client.end();
    leaves = Buffer.concat(batches.rows.map((batch) => batch.leaves));
    lines = batches.rows
      .flatMap(({ body }) => body.toString('latin1').split('\n'))
      .map((line) => Buffer.from(line, 'latin1'));
  });
  afterAll(() => rig.stop());

  const core = (index: number): Core => JSON.parse(lines[index]?.toString('utf8') ?? '') as Core;
  const digest = (algorithm: string, bytes: Buffer | undefined): string =>
    createHash(algorithm)
      .update(bytes ?? '')
      .digest('hex');

  it('has the bytes that the published package for RFC 8785 writes', () => {
    expect(lines).toHaveLength(Number(row.n));
    for (const [index, line] of lines.entries()) expect(canonicalize(core(index))).toBe(line.toString('utf8'));
  });

  it('is three chains, ending in the heads of the lane', () => {
    for (const [algorithm, head] of [
      ['sha256', row.head_sha256],
      ['sha3-256', row.head_sha3],
      ['sha512', row.head_sha512],
    ] as const) {
      const digests = lines.map((line) => digest(algorithm, line));
      expect(lines.map((_, index) => core(index).prev[algorithm])).toEqual(['', ...digests.slice(0, -1)]);
      expect(digests.at(-1)).toBe(head);
    }
  });

  it('has the leaves of RFC 6962 and positions without gaps', () => {
    const expected = lines.map((line) => digest('sha256', Buffer.concat([Buffer.from([0]), line])));
    expect(leaves.toString('hex')).toBe(expected.join(''));
    expect(lines.map((_, index) => core(index).n)).toEqual(lines.map((_, index) => index));
  });

  it('hides how many facts each record commits to', () => {
    const counts = lines.map((_, index) => `${core(index).type} ${String(core(index)._sd.length)}`);
    expect([...new Set(counts)].sort()).toEqual([
      'ai.attempt 2',
      'ai.request.intent 16',
      'ai.request.outcome 4',
      'lane.open 0',
    ]);
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  (hasOpenssl ? it : it.skip)('gives the same digests to openssl', () => {
    for (const [flag, name] of [
      ['-sha256', 'sha256'],
      ['-sha512', 'sha512'],
      ['-sha3-256', 'sha3-256'],
    ] as const) {
      const out = execFileSync('openssl', ['dgst', flag, '-r'], { input: lines[0] ?? '' }).toString();
      expect(out.split(' ')[0]).toBe(core(1).prev[name]);
    }
  });
});
