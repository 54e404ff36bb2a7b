import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { leafHash } from '../../../src/audit/domain/chain.js';
import { newId } from '../../../src/platform/ids/index.js';
import { AttackScene, indexOf } from './attack-scene.js';
import type { Core, ForgedBundle } from './forged-bundle.js';

let scene: AttackScene;
let whole: ForgedBundle;
let older: ForgedBundle;
let foreign: ForgedBundle;
let sign: AttackScene['sign'];

beforeAll(async () => {
  scene = await AttackScene.start();
  ({ whole, older, foreign, sign } = scene);
});
afterAll(() => scene.stop());

const codes: AttackScene['codes'] = (bundle, options) => scene.codes(bundle, options);
const judge: AttackScene['judge'] = (bundle, options) => scene.judge(bundle, options);
const outcome = (): number => indexOf(whole, 'ai.request.outcome');
const edited = (core: Core): void => {
  core.pub['status'] = 'edited';
};

describe('the untouched bundles', () => {
  it('pass', async () => {
    for (const bundle of [whole, older]) expect(await judge(bundle)).toMatchObject({ ok: true, findings: [] });
    expect(await judge(whole.copy().resign(sign))).toMatchObject({ ok: true, findings: [] });
  });

  it('fail with any one byte flipped in any file', async () => {
    for (const [name, size] of whole.files) {
      for (const at of [0, Math.floor(size / 2), size - 1]) {
        const bytes = Buffer.from(whole.text(name), 'utf8');
        if (at < 0 || bytes.length !== size) continue;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        const verdict = await judge(whole.copy().put(name, bytes));
        expect([name, at, verdict.ok]).toEqual([name, at, false]);
      }
    }
  });
});

describe('attacks on records', () => {
  it.each<[string, () => ForgedBundle, readonly string[]]>([
    ['1 a field is edited', () => whole.copy().core(outcome(), edited), ['E_PREV', 'E_ROOT', 'E_MANIFEST']],
    [
      '1 a field is edited and everything fitted to it that needs no key',
      () => whole.copy().core(indexOf(whole, 'ai.attempt'), edited).reposition().relist(),
      ['E_PREV', 'E_ROOT', 'E_MANIFEST'],
    ],
    [
      '1 the last record is edited',
      () =>
        whole
          .copy()
          .core(whole.lines('entries.jsonl').length - 1, (core) => {
            core.pub['class'] = 'edited';
          })
          .reposition()
          .relist(),
      ['E_ROOT'],
    ],
    [
      '2 a record is deleted and the rest renumbered',
      () =>
        whole
          .copy()
          .entries((lines) => lines.toSpliced(outcome(), 1))
          .reposition()
          .relist(),
      ['E_COUNT', 'E_LANE_SEQ'],
    ],
    [
      '3 a forged record is inserted',
      () =>
        whole
          .copy()
          .entries((lines) =>
            lines.toSpliced(outcome(), 0, (lines[outcome()] ?? '').replace('"status":"ok"', '"status":"no"')),
          )
          .reposition()
          .relist(),
      ['E_COUNT', 'E_LANE_SEQ', 'E_PREV'],
    ],
    [
      '4 two records of a lane change places',
      () =>
        whole
          .copy()
          .entries((lines) => swapped(lines, outcome() - 1, outcome()))
          .reposition()
          .relist(),
      ['E_LANE_SEQ', 'E_ROOT'],
    ],
    [
      '4 two records of different lanes change places',
      () => {
        const [first, second] = acrossLanes(whole);
        return whole
          .copy()
          .entries((lines) => swapped(lines, first, second))
          .reposition()
          .relist();
      },
      ['E_ROOT'],
    ],
    [
      '5 a line is replayed',
      () =>
        whole
          .copy()
          .entries((lines) => [...lines, lines.at(-1) ?? ''])
          .reposition()
          .relist(),
      ['E_DUP'],
    ],
    [
      '6 the tail is cut under the same checkpoint',
      () =>
        whole
          .copy()
          .entries((lines) => lines.slice(0, -2))
          .reposition()
          .relist(),
      ['E_COUNT'],
    ],
    [
      '14 the clock is set back inside a lane, by the holder of the key',
      () =>
        whole
          .copy()
          .core(outcome(), (core) => {
            core['at'] = '2020-01-01T00:00:00.000000Z';
          })
          .resign(sign),
      ['E_TIME_ORDER'],
    ],
    [
      '18 an algorithm is dropped from one record',
      () =>
        whole
          .copy()
          .core(outcome(), (core) => {
            const { sha512: _, ...rest } = core['prev'] as Record<string, string>;
            core['prev'] = rest;
          })
          .resign(sign, { rechains: false }),
      ['E_ALG'],
    ],
    [
      '18 an algorithm is dropped from a whole log, signed again',
      () =>
        whole
          .copy()
          .entries((lines) => lines.map((line) => line.replace(/,"sha512":"[0-9a-f]*"/, '')))
          .resign(sign, { rechains: false }),
      ['E_ALG'],
    ],
    [
      '18 another digest for disclosures',
      () =>
        whole
          .copy()
          .entries((lines) => lines.map((line) => line.replace('"sha-256"', '"sha-512"')))
          .resign(sign),
      ['E_ALG'],
    ],
    [
      '18 an unknown version',
      () =>
        whole
          .copy()
          .core(outcome(), (core) => (core['v'] = 'aip-audit/2'))
          .resign(sign),
      ['E_ALG'],
    ],
    [
      '20 a letter that looks the same',
      () => whole.copy().entries((lines) => lines.map((line) => line.replace('"model":"fast"', '"model":"f\u0430st"'))),
      ['E_PREV', 'E_ROOT'],
    ],
    [
      '21 a record of another log is spliced in',
      () =>
        whole
          .copy()
          .entries((lines) => [...lines, foreign.lines('entries.jsonl').at(-1) ?? ''])
          .resign(sign),
      ['E_ORIGIN'],
    ],
    [
      '25 an outcome without intent, by the holder of the key',
      () =>
        whole
          .copy()
          .entries((lines) => lines.toSpliced(indexOf(whole, 'ai.request.intent'), 1))
          .resign(sign),
      ['E_ORPHAN_OUTCOME'],
    ],
    [
      '25 a call with two ends',
      () =>
        whole
          .copy()
          .entries((lines) => [...lines, (lines[outcome()] ?? '').replace(/"id":"[^"]*"/, `"id":"${newId()}"`)])
          .resign(sign),
      ['E_TERMINAL'],
    ],
    [
      '17 a digest stands twice in a record',
      () =>
        whole
          .copy()
          .core(outcome(), (core) => {
            const list = core['_sd'] as string[];
            core['_sd'] = [...list, list[0] ?? ''].sort();
          })
          .resign(sign),
      ['E_DISCLOSURE'],
    ],
  ])('%s', async (_, forge, expected) => {
    expect(await codes(forge())).toEqual(expect.arrayContaining([...expected]));
  });

  const spellings: readonly [string, (line: string) => string | Buffer][] = [
    ['white space', (line) => line.replace('{', '{ ')],
    ['key order', (line) => line.replace(/^\{("_sd":\[[^\]]*\]),/, '{').replace(/\}$/, ',"_sd":[]}')],
    ['a duplicate key', (line) => line.replace('"v":', '"v":"aip-audit/1","v":')],
    ['3.0', (line) => line.replace(/"n":(\d+)/, '"n":$1.0')],
    ['an exponent', (line) => line.replace(/"n":(\d+)/, '"n":$1e0')],
    ['a number beyond the exact ones', (line) => line.replace(/"n":\d+/, '"n":9007199254740993')],
    ['minus zero', (line) => line.replace(/"n":\d+/, '"n":-0')],
    ['an escape', (line) => line.replace('"type":"a', '"type":"\\u0061')],
    ['a lone surrogate', (line) => line.replace('"status":"ok"', '"status":"\\ud800"')],
    ['a byte order mark', (line) => `\ufeff${line}`],
    ['CR before the line feed', (line) => `${line}\r`],
    ['depth', (line) => line.replace('"pub":{', `"pub":{"a":${'['.repeat(2_000)}${']'.repeat(2_000)},`)],
    ['__proto__', (line) => line.replace('"pub":{', '"pub":{"__proto__":{},')],
    ['bytes that are no UTF-8', (line) => Buffer.concat([Buffer.from(line.slice(0, -1)), Buffer.from([0xff, 0x7d])])],
  ];
  it.each(spellings)('19 a record spelt with %s', async (_, spell) => {
    const at = outcome();
    const parts = whole
      .lines('entries.jsonl')
      .map((line, index) => (index === at ? Buffer.from(spell(line)) : Buffer.from(line)));
    const bytes = Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));
    // The holder of the key, who can sign any bytes.
    const positions = whole.lines('positions.csv').map((line, index) => {
      const fields = line.split(',');
      return index === at + 1
        ? [...fields.slice(0, 3), leafHash(parts[at] ?? Buffer.alloc(0)).toString('hex'), 'core'].join(',')
        : line;
    });
    const bundle = whole
      .copy()
      .put('entries.jsonl', bytes)
      .put('positions.csv', `${positions.join('\n')}\n`)
      .relist();
    expect(await codes(bundle)).toEqual(expect.arrayContaining(['E_CANON']));
  });
});

function swapped(lines: readonly string[], a: number, b: number): string[] {
  return lines.map((line, at) => (at === a ? (lines[b] ?? '') : at === b ? (lines[a] ?? '') : line));
}

/** Two neighbours on different lanes. */
function acrossLanes(bundle: ForgedBundle): readonly [number, number] {
  const lanes = bundle.lines('entries.jsonl').map((line) => (JSON.parse(line) as { lane: string }).lane);
  const at = lanes.findIndex((lane, index) => index > 0 && lane !== lanes[index - 1]);
  return [at - 1, at];
}
