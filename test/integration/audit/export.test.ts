import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readManifest } from '../../../src/audit/domain/bundle.js';
import { ExportsService } from '../../../src/audit/index.js';
import { NO_TRUST, type Trust } from '../../../src/audit/verifier/trust.js';
import { exitStatusOf, verifyPath } from '../../../src/audit/verifier/verify-path.js';
import { newId } from '../../../src/platform/ids/index.js';
import { builtVerifier } from '../../support/built-verifier.js';
import { rows } from '../../support/rows.js';
import { AuditRig, type Writer } from './audit-rig.js';
import { anExporter, exportBundle, settleTree, trustOf, writeCases, writeTrust } from './bundle-rig.js';

let rig: AuditRig;
let writer: Writer;
let verifier: string;
const orgId = newId();
const [alder, birch] = [newId(), newId()];
let trust: Trust;
let trustText: string;
let zip: string;
let folder: string;
let job: Awaited<ReturnType<typeof exportBundle>>['job'];

beforeAll(async () => {
  rig = await AuditRig.start();
  verifier = await builtVerifier();
  writer = await rig.writer();
  await writer.audit.ready(orgId);
  await writeCases(writer, orgId, [alder, birch, alder, birch, alder]);
  await settleTree(writer);
  await writeCases(writer, orgId, [birch, alder]);
  await settleTree(writer);
  ({ trust, text: trustText } = await trustOf(writer, orgId));
  const made = await exportBundle(writer, orgId, { investigation: alder });
  job = made.job;
  zip = path.join(rig.dataDir, 'case.zip');
  folder = path.join(rig.dataDir, 'case');
  writeFileSync(zip, made.zip);
  execFileSync('unzip', ['-q', zip, '-d', folder]);
});
afterAll(() => rig.stop());

const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const verify = (file: string, by = trust): ReturnType<typeof verifyPath> =>
  verifyPath(file, { trust: by, state: undefined, nowMs: Date.now() }); // eslint-disable-line no-restricted-syntax -- age of a bundle

describe('a bundle of a case', () => {
  it('is found whole, by key, and complete; as a zip file and unpacked', async () => {
    for (const file of [zip, folder]) {
      const [verdict] = await verify(file);
      expect(verdict?.findings).toEqual([]);
      expect(verdict?.ok).toBe(true);
      expect(verdict?.lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'INTEGRITY ok',
        'AUTHENTICITY ok',
        'INDEPENDENCE none',
        'COMPLETENESS ok',
        'FRESHNESS as of',
      ]);
      expect(verdict?.lines[3]?.text).toMatch(/^12 of 12 records of caseTag/);
    }
  });

  it('opens the disclosures of its case and of no other', () => {
    const lines = read('disclosures.jsonl').trimEnd().split('\n');
    const opened = lines.flatMap((line) => (JSON.parse(line) as { disclosures: string[] }).disclosures);
    const values = opened.map((text) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[]);
    const cases = values.filter(([, name]) => name === 'case.id').map(([, , value]) => value);
    expect(cases).toEqual(['OP-0', 'OP-2', 'OP-4', 'OP-1']);
    const cores = read('entries.jsonl').trimEnd().split('\n');
    const manifest = readManifest(readFileSync(path.join(folder, 'manifest.json')));
    expect(manifest?.counts).toMatchObject({ cores: cores.length, stubs: 0, rows: 12, disclosed: 8 });
  });

  it('shows tables that a spreadsheet does not run', () => {
    const [header, first] = read('records.csv').split('\r\n');
    expect(header).toMatch(/^index,at,type,id,req/);
    expect(first).toContain(`,ann,OP-0,,'=SUM(A1),`);
    expect(JSON.parse(read('records.jsonl').split('\n')[0] ?? '')).toMatchObject({ case: 'OP-0', purpose: '=SUM(A1)' });
  });

  it('is trusted by nobody who was not told its key', async () => {
    const [verdict] = await verify(zip, NO_TRUST);
    expect(verdict?.lines[1]).toMatchObject({ name: 'AUTHENTICITY', state: 'unknown' });
    expect(exitStatusOf(verdict === undefined ? [] : [verdict], false)).toBe(1);
    const [other] = await verify(zip, (await trustOf(writer, await anotherOrganisation())).trust);
    expect(other?.ok).toBe(false);
    expect(Object.keys(other?.counts ?? {})).toEqual(['E_UNTRUSTED_KEY']);
  });

  it('is verified by the single file that lies in it, on the command line', () => {
    const trustFolder = writeTrust(path.join(rig.dataDir, 'trust'), trustText);
    expect(read('verify.mjs')).toBe(readFileSync(verifier, 'utf8'));
    const state = path.join(rig.dataDir, 'state');
    const run = spawnSync(process.execPath, [verifier, zip, '--trust', trustFolder, '--state', state], {
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    expect(run.stdout.split('\n').slice(0, 2).join('\n')).toMatch(/^INTEGRITY {5}ok .*\nAUTHENTICITY {2}ok /);
    expect(run.status).toBe(0);
    expect(readdirSync(state)).toHaveLength(1);
    const refused = spawnSync(process.execPath, [verifier, path.join(folder, 'VERIFY.md')], { encoding: 'utf8' });
    expect(refused.status).toBe(65);
    expect(refused.stderr).toBe('This is no zip file\n');
  });

  it('leaves what was ordered, made, released and downloaded on record, each before it happened', async () => {
    const types = await rows<{ body: Buffer }>(
      rig.database.url,
      `SELECT body FROM audit_batch WHERE convert_from(body, 'UTF8') LIKE '%${job.id}%' ORDER BY at, n0`,
    );
    const found = types
      .flatMap(({ body }) => body.toString('utf8').split('\n'))
      .filter((line) => line.includes(job.id));
    expect(found.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
      'data.disclose',
      'export.created',
      'export.released',
      'export.released',
    ]);
  });

  it('goes on where a download broke off, and is nobody else’s', async () => {
    const exports = writer.get(ExportsService);
    const owner = anExporter(orgId);
    const whole = readFileSync(zip);
    const { pieces } = await exports.content(owner, job.id, 1_000);
    const parts: Buffer[] = [];
    for await (const piece of pieces) parts.push(piece);
    expect(Buffer.concat(parts).equals(whole.subarray(1_000))).toBe(true);
    await expect(exports.content(owner, job.id, whole.length)).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(exports.find(anExporter(newId()), job.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(exports.content(anExporter(newId()), job.id, 0)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leaves nothing on the disk of the server', () => {
    const directory = path.join(rig.dataDir, 'tmp');
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  });
});

describe('other bundles', () => {
  const made = async (wish: Parameters<typeof exportBundle>[2]): Promise<string> => {
    const file = path.join(rig.dataDir, `${newId()}.zip`);
    writeFileSync(file, (await exportBundle(writer, orgId, wish)).zip);
    return file;
  };

  it('with stubs show less and say that completeness is not known', async () => {
    const [verdict] = await verify(await made({ investigation: birch, mode: 'stubs' }));
    expect(verdict?.findings).toEqual([]);
    expect(verdict?.ok).toBe(true);
    expect(verdict?.lines[3]).toMatchObject({ name: 'COMPLETENESS', state: 'unknown' });
    expect(verdict?.lines[3]?.text).toMatch(/^9 of 9 records/);
  });

  it('without a case open no disclosure and list every record', async () => {
    const [verdict] = await verify(await made({}));
    expect(verdict?.findings).toEqual([]);
    expect(verdict?.lines[3]?.text).toMatch(/^(\d+) of \1 records; 0 stubs/);
  });

  it('that begin inside the log begin at a checkpoint and say so', async () => {
    const [second] = await rows<{ at: Date; size: string }>(
      rig.database.url,
      `SELECT c.at, c.size FROM audit_checkpoint c JOIN audit_log l USING (log_id) WHERE org_id = '${orgId}' ORDER BY c.size LIMIT 1`,
    );
    const fromMs = (second?.at.getTime() ?? 0) + 5_001;
    const [verdict] = await verify(await made({ investigation: alder, fromMs }));
    expect(verdict?.findings).toEqual([]);
    expect(verdict?.ok).toBe(true);
    expect(verdict?.lines[3]?.text).toContain(`the log before index ${second?.size ?? ''} is not here`);
  });
});

async function anotherOrganisation(): Promise<string> {
  const other = newId();
  await writer.audit.ready(other);
  await writeCases(writer, other, [newId()]);
  return other;
}
