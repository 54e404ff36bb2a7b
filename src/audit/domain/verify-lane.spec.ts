import { describe, expect, it } from '@jest/globals';

import { newId } from '../../platform/ids/index.js';
import { Lane, type Linked } from '../lane.js';
import type { PreparedRecord } from '../record-draft.js';
import { canonical, type JsonObject } from './canonical.js';
import { leafHash, type Heads } from './chain.js';
import { Findings } from './finding.js';
import { PairCheck } from './pair-check.js';
import type { RecordType } from './record-type.js';
import { checkClosings, LaneCheck, splitCores, type LaneBatch } from './verify-lane.js';

const ORIGIN = 'audit.example/org/2026h2';
const AT = 1_790_000_000_000_000;

function aRecord(type: RecordType, pub: JsonObject = {}, overrides: Partial<PreparedRecord> = {}): PreparedRecord {
  return {
    id: newId(),
    type,
    orgId: 'org',
    logId: 1,
    sd: '[]',
    actorTag: null,
    caseTag: null,
    pub: canonical(pub),
    ref: null,
    cfg: '0'.repeat(64),
    blobs: [],
    content: [],
    ...overrides,
  };
}

const newLane = (origin = ORIGIN): Lane => new Lane(newId(), { id: 1, origin, period: '2026h2' }, 'strict');

function append(lane: Lane, records: readonly PreparedRecord[], atMicros = AT): Linked['batch'] {
  const { batch } = lane.link(records, atMicros);
  lane.committed();
  return batch;
}

/** A lane with two calls in three batches. */
function aLog(lane = newLane()): { readonly lane: Lane; readonly batches: LaneBatch[] } {
  const batches = [
    append(lane, [aRecord('ai.request.intent', { req: 'one' }), aRecord('ai.request.intent', { req: 'two' })], AT),
    append(lane, [aRecord('ai.attempt', { req: 'one' }), aRecord('ai.request.outcome', { req: 'one' })], AT + 10),
    append(lane, [aRecord('ai.attempt', { req: 'two' }), aRecord('ai.request.outcome', { req: 'two' })], AT + 20),
  ];
  return { lane, batches };
}

function codesOf(
  lane: Lane,
  batches: readonly LaneBatch[],
  end: { readonly n: number; readonly heads: Heads } = { n: lane.length, heads: lane.heads },
): readonly string[] {
  const findings = new Findings();
  const check = new LaneCheck(lane.log.origin, lane.id, findings);
  const pairs = new PairCheck(findings);
  pairs.lane(lane.id);
  for (const batch of batches) for (const core of check.batch(batch)) if (core !== undefined) pairs.add(core);
  check.end(end);
  pairs.end([]);
  return [...findings.counts.keys()].sort();
}

/** The batch with other cores; `leaves`: also with the leaves they should have, as a clever forger would. */
function withCores(
  batch: LaneBatch,
  change: (cores: string[]) => readonly string[],
  leaves: 'old' | 'new' = 'new',
): LaneBatch {
  const cores = change(splitCores(batch.body).map(String));
  return {
    n0: batch.n0,
    count: cores.length,
    body: Buffer.from(cores.join('\n')),
    leaves: leaves === 'old' ? batch.leaves : Buffer.concat(cores.map((core) => leafHash(Buffer.from(core)))),
  };
}

const replaced = (batches: readonly LaneBatch[], index: number, batch: LaneBatch): LaneBatch[] =>
  batches.map((one, at) => (at === index ? batch : one));

describe('LaneCheck', () => {
  it('finds nothing in a lane as it was written', () => {
    const { lane, batches } = aLog();
    expect(codesOf(lane, batches)).toEqual([]);
  });

  const edit = (cores: string[]): string[] => cores.map((core) => core.replace('"one"', '"ONE"'));

  it('sees an edited record: by its leaf, and by the next record when the leaf was edited too', () => {
    const { lane, batches } = aLog();
    const [, middle] = batches;
    if (middle === undefined) throw new Error('no batch');
    expect(codesOf(lane, replaced(batches, 1, withCores(middle, edit, 'old')))).toEqual(
      expect.arrayContaining(['E_LEAF', 'E_PREV']),
    );
    expect(codesOf(lane, replaced(batches, 1, withCores(middle, edit)))).toContain('E_PREV');
  });

  it('sees an edited last record by the head of the lane', () => {
    const { lane, batches } = aLog();
    const last = batches[2];
    if (last === undefined) throw new Error('no batch');
    const forged = withCores(last, (cores) => cores.map((core) => core.replace('"two"', '"TWO"')));
    expect(codesOf(lane, replaced(batches, 2, forged))).toContain('E_PREV');
  });

  it('sees a byte that decodes to the same text', () => {
    const lane = newLane();
    const batch = append(lane, [aRecord('ai.attempt', { model: 'a\ufffdb' })]);
    const body = Buffer.from(batch.body.toString('latin1').replace('\xef\xbf\xbd', '\xff'), 'latin1');
    expect(codesOf(lane, [{ ...batch, body }])).toEqual(expect.arrayContaining(['E_CANON', 'E_LEAF', 'E_PREV']));
  });

  it('sees a deleted record, also when the rest is renumbered', () => {
    const { lane, batches } = aLog();
    const [first, middle] = batches;
    if (first === undefined || middle === undefined) throw new Error('no batch');
    const without = withCores(middle, (cores) => cores.slice(1));
    expect(codesOf(lane, replaced(batches, 1, without))).toEqual(expect.arrayContaining(['E_LANE_SEQ', 'E_PREV']));
    const renumbered = withCores(middle, ([, core = '']) => [core.replace('"n":3', '"n":2')]);
    expect(codesOf(lane, replaced(batches, 1, renumbered))).toEqual(expect.arrayContaining(['E_LANE_SEQ', 'E_PREV']));
    expect(codesOf(lane, [first])).toEqual(expect.arrayContaining(['E_COUNT', 'E_PREV']));
    expect(
      codesOf(
        lane,
        batches.filter((one) => one !== middle),
      ),
    ).toContain('E_LANE_SEQ');
  });

  it('sees a cut tail even when the lane row was lowered without its head', () => {
    const { lane, batches } = aLog();
    expect(codesOf(lane, batches.slice(0, 2), { n: 4, heads: lane.heads })).toContain('E_PREV');
  });

  it('sees an inserted record', () => {
    const { lane, batches } = aLog();
    const [first] = batches;
    if (first === undefined) throw new Error('no batch');
    const forged = withCores(first, (cores) => [...cores, (cores[1] ?? '').replace('"n":1', '"n":2')]);
    expect(codesOf(lane, replaced(batches, 0, forged))).toEqual(
      expect.arrayContaining(['E_DUP', 'E_LANE_SEQ', 'E_PREV']),
    );
    expect(codesOf(lane, replaced(batches, 0, { ...forged, count: 2 }))).toContain('E_COUNT');
  });

  it('sees records in another order', () => {
    const { lane, batches } = aLog();
    const [first] = batches;
    if (first === undefined) throw new Error('no batch');
    expect(
      codesOf(
        lane,
        replaced(
          batches,
          0,
          withCores(first, (cores) => cores.toReversed()),
        ),
      ),
    ).toContain('E_LANE_SEQ');
    expect(codesOf(lane, [...batches].reverse())).toContain('E_LANE_SEQ');
  });

  it('sees a batch that is there twice', () => {
    const { lane, batches } = aLog();
    expect(
      codesOf(
        lane,
        batches.flatMap((batch) => [batch, batch]),
      ),
    ).toEqual(expect.arrayContaining(['E_DUP', 'E_LANE_SEQ']));
  });

  it('sees a record of another log or lane', () => {
    const ours = newLane();
    const other = newLane('audit.other/org/2026h2');
    const batch = append(other, [aRecord('ai.attempt')]);
    expect(codesOf(ours, [batch], { n: 1, heads: other.heads })).toEqual(['E_LANE_SEQ', 'E_ORIGIN']);
  });

  it('sees time that falls inside a lane', () => {
    const { lane, batches } = aLog();
    const last = batches[2];
    if (last === undefined) throw new Error('no batch');
    const early = withCores(last, (cores) => cores.map((core) => core.replace(/"at":"2026/, '"at":"2025')));
    expect(codesOf(lane, replaced(batches, 2, early))).toContain('E_TIME_ORDER');
  });

  it('sees an algorithm that was dropped, and a spelling that is not the one', () => {
    const { lane, batches } = aLog();
    const [first] = batches;
    if (first === undefined) throw new Error('no batch');
    const dropped = withCores(first, (cores) => cores.map((core) => core.replace(/,"sha512":"[0-9a-f]*"/, '')));
    expect(codesOf(lane, replaced(batches, 0, dropped))).toContain('E_ALG');
    const spaced = withCores(first, (cores) => cores.map((core) => core.replace(',"v"', ', "v"')));
    expect(codesOf(lane, replaced(batches, 0, spaced))).toContain('E_CANON');
    const unknown = withCores(first, (cores) => cores.map((core) => core.replace(',"n":', ',"mine":1,"n":')));
    expect(codesOf(lane, replaced(batches, 0, unknown))).toContain('E_SCHEMA');
  });

  it('sees a commitment that is there twice or out of order', () => {
    const lane = newLane();
    const one = 'A'.repeat(43);
    const batch = append(lane, [aRecord('ai.attempt', {}, { sd: `["${one}","${one}"]` })]);
    expect(codesOf(lane, [batch])).toEqual(['E_DISCLOSURE']);
  });

  it('keeps at most a thousand findings and counts them all', () => {
    const lane = newLane();
    const records = Array.from({ length: 1500 }, () => aRecord('ai.attempt'));
    const batch = append(lane, records);
    const findings = new Findings();
    new LaneCheck(ORIGIN, lane.id, findings).batch({ ...batch, leaves: Buffer.alloc(1500 * 32) });
    expect(findings.counts.get('E_LEAF')).toBe(1500);
    expect(findings.examples).toHaveLength(1000);
  });
});

describe('PairCheck: every intent gets exactly one terminal record', () => {
  const check = (types: readonly (readonly [RecordType, string])[], running: readonly string[] = []): object => {
    const lane = newLane();
    const batch = append(
      lane,
      types.map(([type, req]) => aRecord(type, { req })),
    );
    const findings = new Findings();
    const pairs = new PairCheck(findings);
    pairs.lane(lane.id);
    for (const core of new LaneCheck(ORIGIN, lane.id, findings).batch(batch)) if (core !== undefined) pairs.add(core);
    const open = pairs.end(running);
    return { open, codes: [...findings.counts.keys()] };
  };

  it('accepts intent and end in any order, and a call that runs', () => {
    expect(
      check([
        ['ai.request.intent', 'a'],
        ['ai.request.outcome', 'a'],
      ]),
    ).toEqual({ open: 0, codes: [] });
    expect(
      check([
        ['ai.request.unknown', 'a'],
        ['ai.request.intent', 'a'],
      ]),
    ).toEqual({ open: 0, codes: [] });
    expect(check([['ai.request.intent', 'a']], ['a'])).toEqual({ open: 1, codes: [] });
    expect(check([['ai.request.refused', 'a']])).toEqual({ open: 0, codes: [] });
    expect(
      check([
        ['ai.request.intent', 'a'],
        ['ai.request.unknown', 'a'],
        ['ai.request.resolved', 'a'],
      ]),
    ).toEqual({ open: 0, codes: [] });
  });

  it('finds ends without intent, two ends, and intents nobody will end', () => {
    expect(check([['ai.request.outcome', 'a']])).toEqual({ open: 0, codes: ['E_ORPHAN_OUTCOME'] });
    expect(check([['ai.request.resolved', 'a']])).toEqual({ open: 0, codes: ['E_ORPHAN_OUTCOME'] });
    expect(
      check([
        ['ai.request.intent', 'a'],
        ['ai.request.outcome', 'a'],
        ['ai.request.unknown', 'a'],
      ]),
    ).toEqual({ open: 0, codes: ['E_TERMINAL'] });
    expect(check([['ai.request.intent', 'a']])).toEqual({ open: 0, codes: ['E_OPEN_INTENT'] });
    expect(
      check(
        [
          ['ai.request.intent', 'a'],
          ['ai.request.outcome', 'a'],
        ],
        ['a'],
      ),
    ).toEqual({
      open: 0,
      codes: ['E_OPEN_INTENT'],
    });
    expect(
      check(
        [
          ['ai.request.intent', 'a'],
          ['ai.request.intent', 'a'],
        ],
        ['a'],
      ),
    ).toEqual({ open: 1, codes: ['E_DUP'] });
  });
});

describe('closings', () => {
  const closing = (lane: Lane): PreparedRecord => {
    const { sha256, sha512, sha3 } = lane.heads;
    return aRecord('lane.close', {
      heads: { sha256, 'sha3-256': sha3, sha512 },
      lane: lane.id,
      n: lane.length,
      reason: 'drain',
    });
  };
  const verify = (lanes: readonly { lane: Lane; batches: readonly LaneBatch[]; closed: boolean }[]): string[] => {
    const findings = new Findings();
    const checks = lanes.map(({ lane, batches, closed }) => {
      const check = new LaneCheck(ORIGIN, lane.id, findings);
      for (const batch of batches) check.batch(batch);
      return {
        check,
        end: { lane: lane.id, n: lane.length, heads: lane.heads, closed, closesItself: check.closesItself },
      };
    });
    checkClosings(
      checks.map(({ end }) => end),
      checks.flatMap(({ check }) => check.closings),
      findings,
    );
    return [...findings.counts.keys()];
  };

  it('agree with the lane, on itself or on another', () => {
    const drained = aLog();
    drained.batches.push(append(drained.lane, [closing(drained.lane)], AT + 30));
    const left = aLog();
    const control = newLane();
    const batches = [append(control, [closing(left.lane)])];
    expect(
      verify([
        { ...drained, closed: true },
        { ...left, closed: true },
        { lane: control, batches, closed: false },
      ]),
    ).toEqual([]);
  });

  it('are missing, false, or followed by records', () => {
    const left = aLog();
    expect(verify([{ ...left, closed: true }])).toEqual(['E_LANE_SEQ']);
    const control = newLane();
    const early = append(control, [closing(left.lane)]);
    expect(
      verify([
        { ...left, closed: false },
        { lane: control, batches: [early], closed: false },
      ]),
    ).toEqual(['E_LANE_SEQ']);
    left.batches.push(append(left.lane, [aRecord('ai.attempt')], AT + 40));
    expect(
      verify([
        { ...left, closed: true },
        { lane: control, batches: [early], closed: false },
      ]),
    ).toEqual(['E_LANE_SEQ']);
    const drained = aLog();
    drained.batches.push(append(drained.lane, [closing(drained.lane), aRecord('ai.attempt')], AT + 50));
    expect(verify([{ ...drained, closed: true }])).toEqual(['E_LANE_SEQ']);
  });
});
