import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Deployment } from '../../../src/providers/index.js';
import { cutAfter, ScriptedUpstream, stallAfter, truncateAfter } from '../../support/scripted-upstream.js';
import { CallRig } from './call-rig.js';

const GOOD = 'Hello there.';

let faulty: ScriptedUpstream;
let healthy: ScriptedUpstream;
let rig: CallRig;

beforeAll(async () => {
  faulty = await new ScriptedUpstream().start();
  healthy = await new ScriptedUpstream().start();
});
afterAll(async () => {
  await faulty.stop();
  await healthy.stop();
});
beforeEach(() => {
  rig = new CallRig();
});
afterEach(async () => {
  faulty.forget();
  await rig.stop();
});

const plan = (): readonly Deployment[] => [rig.deployment(faulty.url), rig.deployment(healthy.url)];

describe('an answer that is collected', () => {
  const request = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

  it.each([
    ['a cut', cutAfter(3), 'truncated'],
    ['a clean end', truncateAfter(3), 'truncated'],
    ['silence', stallAfter(3), 'idle_timeout'],
  ])(
    'has reached nobody before its end, so the next candidate gives it: %s in the middle',
    async (_name, script, outcome) => {
      faulty.next(script);
      const { call, text, error } = await rig.run(plan(), { request });
      expect(error).toBeUndefined();
      expect(text).toBe(GOOD);
      expect(call.attempts).toMatchObject([
        { outcome, usageSource: 'counted', received: { textBytes: 11 }, committed: false },
        { outcome: 'ok', committed: true },
      ]);
      expect([rig.gate.released, rig.witness.seen.length]).toEqual([2, 2]);
    },
  );

  it('comes in one piece', async () => {
    const call = rig.open([rig.deployment(healthy.url)], { request });
    let batches = 0;
    for await (const _batch of call) batches += 1;
    expect(batches).toBe(1);
    expect(call.committed?.ttftMs).not.toBeNull();
  });
});
