import { createPublicKey, sign as signBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkpointText } from '../../../src/audit/domain/checkpoint.js';
import { readNote, writeLine } from '../../../src/audit/domain/note.js';
import { cosignedBytes, rawPublicKey, readVerifierKey, verifierKey } from '../../../src/audit/domain/note-key.js';
import { newId } from '../../../src/platform/ids/index.js';
import { AttackScene, indexOf, STRANGER, WITNESS } from './attack-scene.js';
import type { ForgedBundle } from './forged-bundle.js';

let scene: AttackScene;
let whole: ForgedBundle;
let older: ForgedBundle;
let origin: string;
let sign: AttackScene['sign'];

beforeAll(async () => {
  scene = await AttackScene.start();
  ({ whole, older, origin, sign } = scene);
});
afterAll(() => scene.stop());

const codes: AttackScene['codes'] = (bundle, options) => scene.codes(bundle, options);
const judge: AttackScene['judge'] = (bundle, options) => scene.judge(bundle, options);
const outcome = (): number => indexOf(whole, 'ai.request.outcome');

describe('attacks on keys and notes', () => {
  const file = (): string => `checkpoints/${String(whole.manifest().range.to)}`;
  const strangerNote = (text: string, name: string): string => {
    const key = readVerifierKey(verifierKey(name, rawPublicKey(createPublicKey(STRANGER))));
    return `${text}\n${writeLine(key ?? { name, id: '' }, signBytes(null, Buffer.from(text), STRANGER))}`;
  };

  it('7 cut back to an older checkpoint: valid as of then, a rollback for who knows better', async () => {
    expect(await judge(older)).toMatchObject({ ok: true });
    expect((await judge(older)).lines[4]).toMatchObject({ name: 'FRESHNESS', state: 'as of' });
    expect(await codes(older, { state: scene.remembering(whole) })).toEqual(['E_ROLLBACK']);
  });

  it('8 everything rewritten by the holder of the log’s key: no quorum, a fork for who kept a checkpoint', async () => {
    const forged = whole
      .copy()
      .core(outcome(), (core) => (core.pub['finish'] = 'edited'))
      .resign(sign);
    expect(await judge(forged)).toMatchObject({ ok: true });
    const quorum = scene.pinned(`witness w ${WITNESS}\nquorum w\n`);
    expect((await judge(forged, { trust: quorum })).lines[2]).toMatchObject({ state: 'fail', codes: ['E_QUORUM'] });
    expect(await codes(forged, { state: scene.remembering(older) })).toEqual(expect.arrayContaining(['E_FORK']));
  });

  it('9 a new key shipped inside the bundle', async () => {
    const vkey = verifierKey(origin, rawPublicKey(createPublicKey(STRANGER)));
    const forged = whole
      .copy()
      .core(indexOf(whole, 'log.genesis'), (core) => (core.pub['vkey'] = vkey))
      .relist({ keys: [vkey] })
      .resign((text) => strangerNote(text, origin));
    expect(await codes(forged)).toEqual(['E_UNTRUSTED_KEY']);
  });

  it('10 this log’s key signs another origin', async () => {
    const { to } = whole.manifest().range;
    const note = sign(checkpointText({ origin: 'other.example/log', size: to, root: Buffer.alloc(32) }));
    expect(await codes(whole.copy().put(file(), note).relist())).toEqual(expect.arrayContaining(['E_KEY_EPOCH']));
  });

  it('10 records after the log was closed', async () => {
    const forged = whole.copy().core(indexOf(whole, 'log.config'), (core) => (core['type'] = 'log.closed'));
    expect(await codes(forged.resign(sign))).toEqual(expect.arrayContaining(['E_KEY_EPOCH']));
  });

  it('11 the right name and key id over a wrong signature', async () => {
    const read = readNote(whole.text(file()));
    const line = read?.lines[0];
    const forged = writeLine({ name: line?.name ?? '', id: line?.keyId ?? '' }, Buffer.alloc(64, 1));
    expect(
      await codes(
        whole
          .copy()
          .put(file(), `${read?.text ?? ''}\n${forged}`)
          .relist(),
      ),
    ).toEqual(expect.arrayContaining(['E_SIG']));
  });

  it.each<[string, (note: string) => string]>([
    ['a leading zero', (note) => note.replace(/\n(\d+)\n/, '\n0$1\n')],
    ['an empty line more', (note) => `${note}\n`],
    ['CRLF', (note) => note.replaceAll('\n', '\r\n')],
    ['10 000 signatures', (note) => note + (note.split('\n').at(-2) ?? '').concat('\n').repeat(10_000)],
    ['a line of somebody nobody named', (note) => `${note}\u2014 nobody ${Buffer.alloc(68, 1).toString('base64')}\n`],
  ])('12 a checkpoint with %s', async (_, spoil) => {
    const found = await codes(
      whole
        .copy()
        .put(file(), spoil(whole.text(file())))
        .relist(),
    );
    expect(found.some((code) => code === 'E_NOTE' || code === 'E_SIG')).toBe(true);
  });

  it('12 a checkpoint with an extension line, signed', async () => {
    const text = `${readNote(whole.text(file()))?.text ?? ''}more\n`;
    expect(await codes(whole.copy().put(file(), sign(text)).relist())).toEqual(expect.arrayContaining(['E_NOTE']));
  });

  it('13 a cosignature copied from another checkpoint', async () => {
    const witness = readVerifierKey(WITNESS);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(1_764_000_000n);
    const text = readNote(older.text(`checkpoints/${String(older.manifest().range.to)}`))?.text ?? '';
    const payload = Buffer.concat([time, signBytes(null, cosignedBytes(text, 1_764_000_000), STRANGER)]);
    const copied = whole.text(file()) + writeLine(witness ?? { name: '', id: '' }, payload);
    const trust = scene.pinned(`witness w ${WITNESS}\nquorum none\n`);
    expect(await codes(whole.copy().put(file(), copied).relist(), { trust })).toEqual(
      expect.arrayContaining(['E_SIG']),
    );
  });

  it('15 a record later than the witness who signed over it', async () => {
    const witness = readVerifierKey(WITNESS);
    const text = readNote(whole.text(file()))?.text ?? '';
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(1_000_000_000n);
    const payload = Buffer.concat([time, signBytes(null, cosignedBytes(text, 1_000_000_000), STRANGER)]);
    const cosigned = whole.text(file()) + writeLine(witness ?? { name: '', id: '' }, payload);
    const trust = scene.pinned(`witness w ${WITNESS}\nquorum w\n`);
    expect(await codes(whole.copy().put(file(), cosigned).relist(), { trust })).toEqual(
      expect.arrayContaining(['E_TIME_BOUND']),
    );
  });

  it('a seal that was altered, left out in the middle or signed over other heads', async () => {
    const [first = ''] = whole.lines('seals.jsonl');
    const altered = first.replace(/\\"n\\":\d+/, '\\"n\\":0');
    expect(await codes(whole.copy().put('seals.jsonl', `${altered}\n`).relist())).toEqual(
      expect.arrayContaining(['E_SIG', 'E_SEAL']),
    );
    const note = JSON.parse(first) as string;
    const text = note.slice(0, note.lastIndexOf('\n\n') + 1).replace(/"n":\d+/, '"n":0');
    const signed = JSON.stringify(sign(text));
    expect(await codes(whole.copy().put('seals.jsonl', `${signed}\n`).relist())).toEqual(
      expect.arrayContaining(['E_SEAL']),
    );
    const twice = `${first}\n${first}\n`;
    expect(await codes(whole.copy().put('seals.jsonl', twice).relist())).toEqual(expect.arrayContaining(['E_SEAL']));
  });
});

describe('attacks on what a bundle shows', () => {
  const disclosed = (): { id: string; disclosures: string[] }[] =>
    whole.lines('disclosures.jsonl').map((line) => JSON.parse(line) as { id: string; disclosures: string[] });
  const put = (lines: readonly { id: string; disclosures: string[] }[]): ForgedBundle =>
    whole
      .copy()
      .put('disclosures.jsonl', lines.map(({ id, disclosures }) => `${JSON.stringify({ disclosures, id })}\n`).join(''))
      .relist();
  const rewritten = (change: (parts: unknown[]) => unknown[]): ForgedBundle =>
    put(
      disclosed().map(({ id, disclosures: [first = '', ...rest] }) => {
        const parts = JSON.parse(Buffer.from(first, 'base64url').toString('utf8')) as unknown[];
        return { id, disclosures: [Buffer.from(JSON.stringify(change(parts))).toString('base64url'), ...rest] };
      }),
    );

  it.each<[string, () => ForgedBundle]>([
    [
      'moved to another record',
      () => put(disclosed().map(({ id }, at, all) => ({ id, disclosures: all.at(at - 1)?.disclosures ?? [] }))),
    ],
    ['edited', () => rewritten(([salt, name]) => [salt, name, 'somebody else'])],
    ['renamed', () => rewritten(([salt, , value]) => [salt, 'reviewer', value])],
    ['given a short salt', () => rewritten(([, name, value]) => ['AAAA', name, value])],
    [
      'used twice',
      () =>
        put(disclosed().map(({ id, disclosures }) => ({ id, disclosures: [...disclosures, disclosures[0] ?? ''] }))),
    ],
    ['of a record that is not here', () => put([...disclosed(), { id: newId(), disclosures: [] }])],
  ])('17 a disclosure that is %s', async (_, forge) => {
    expect(await codes(forge())).toEqual(expect.arrayContaining(['E_DISCLOSURE']));
  });

  it('22 a proof that leads elsewhere', async () => {
    const name = 'export/record.tlog-proof';
    const proof = whole.text(name);
    const hashLine = proof.split('\n')[2] ?? '';
    for (const spoilt of [
      proof.replace(/index (\d+)/, 'index 9007199254740993'),
      proof.replace(/index (\d+)/, 'index 0'),
      proof.replace(`${hashLine}\n`, ''),
      proof.replace(`${hashLine}\n`, `${hashLine}\n${hashLine}\n`),
    ])
      expect(await codes(whole.copy().put(name, spoilt))).toEqual(['E_PROOF']);
    expect(await codes(whole.copy().remove('export/consistency.proof'))).toEqual(['E_PROOF']);
  });

  it('23 an undeclared stub, other counts, another manifest, a missing record of the export', async () => {
    const stub = whole.text('positions.csv').replace(/,core\n/, ',stub\n');
    expect(await codes(whole.copy().put('positions.csv', stub).relist())).toEqual(
      expect.arrayContaining(['E_MANIFEST']),
    );
    const counts = { ...whole.manifest().counts, cores: 1 };
    expect(await codes(whole.copy().relist({ counts }))).toEqual(['E_MANIFEST']);
    expect(await codes(whole.copy().relist({ about: { recipient: 'somebody else' } }))).toEqual(['E_MANIFEST']);
    expect(await codes(whole.copy().remove('export/record.json'))).toEqual(['E_MANIFEST']);
    expect(await codes(whole.copy().put('extra.txt', 'x'))).toEqual(['E_MANIFEST']);
    expect(await codes(whole.copy().remove('VERIFY.md'))).toEqual(['E_MANIFEST']);
    expect(await codes(whole.copy().put('manifest.json', `${whole.text('manifest.json')} `))).toEqual(['E_MANIFEST']);
  });

  it('24 a record of the case is withheld', async () => {
    const at = indexOf(whole, 'ai.request.outcome', 0);
    const positions = whole
      .lines('positions.csv')
      .map((line, index) => (index === at + 1 ? line.replace(',core', ',stub') : line));
    const { counts } = whole.manifest();
    const bundle = whole
      .copy()
      .entries((lines) => lines.toSpliced(at, 1))
      .put('positions.csv', `${positions.join('\n')}\n`)
      .relist({ counts: { ...counts, cores: counts.cores - 1, stubs: 1 } });
    expect(await codes(bundle)).toEqual(expect.arrayContaining(['E_INCOMPLETE']));
  });

  it('28 a table that differs from the records', async () => {
    const csv = whole.text('records.csv').replace(',ann,', ',bob,');
    expect(await codes(whole.copy().put('records.csv', csv).relist())).toEqual(expect.arrayContaining(['E_CSV']));
    const jsonl = `${whole.text('records.jsonl')}{}\n`;
    expect(await codes(whole.copy().put('records.jsonl', jsonl).relist())).toEqual(expect.arrayContaining(['E_CSV']));
  });

  it('29 a line of 200 MB is refused before it is read', async () => {
    const bundle = whole
      .copy()
      .put('entries.jsonl', Buffer.alloc(200 * 1024 * 1024, 0x61))
      .relist();
    expect(await codes(bundle)).toEqual(expect.arrayContaining(['E_BUNDLE']));
  });

  it('30 another verifier in the bundle', async () => {
    expect(await codes(whole.copy().put('verify.mjs', 'process.exit(0)'))).toEqual(['E_MANIFEST']);
  });
});
