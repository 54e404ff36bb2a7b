import { describe, expect, it } from '@jest/globals';

import { anAttempt, StoppedClock } from '../../test/support/capacity-rig.js';
import { aDeployment } from '../../test/support/routing-builders.js';
import { seededRandom } from '../platform/ids/index.js';
import type { AttemptPermit, Deployment, LimitObservation } from '../providers/index.js';
import { CapacityBoard } from './capacity-board.js';

const LIMIT = 100;
const MINUTE_MS = 60_000;

/** How a partner counts requests. */
interface Counter {
  /** Takes one, or refuses. */
  take(nowMs: number): boolean;
  /** What its headers say. */
  report(nowMs: number): Pick<LimitObservation, 'remaining' | 'resetsAtMs'>;
}

/** Starts anew with each minute of its clock. */
class WindowCounter implements Counter {
  #startMs = -1;
  #count = 0;
  take(nowMs: number): boolean {
    const startMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (startMs !== this.#startMs) [this.#startMs, this.#count] = [startMs, 0];
    if (this.#count >= LIMIT) return false;
    this.#count += 1;
    return true;
  }
  report(): Pick<LimitObservation, 'remaining' | 'resetsAtMs'> {
    return { remaining: LIMIT - this.#count, resetsAtMs: this.#startMs + MINUTE_MS };
  }
}

/** Fills up evenly. */
class BucketCounter implements Counter {
  #level = LIMIT;
  #atMs = 0;
  take(nowMs: number): boolean {
    this.#level = Math.min(LIMIT, this.#level + ((nowMs - this.#atMs) * LIMIT) / MINUTE_MS);
    this.#atMs = nowMs;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
  report(nowMs: number): Pick<LimitObservation, 'remaining' | 'resetsAtMs'> {
    const missing = LIMIT - this.#level;
    return { remaining: Math.floor(this.#level), resetsAtMs: nowMs + Math.ceil((missing * MINUTE_MS) / LIMIT) };
  }
}

interface Outcome {
  dispatched: number;
  refused: number;
}

interface Running {
  readonly sentMs: number;
  readonly endMs: number;
  readonly arriveMs: number;
  readonly permit: AttemptPermit;
  /** What the partner answered, once it got there. */
  answer?: { readonly ok: boolean; readonly limits: readonly LimitObservation[] };
}

/** Offers calls evenly to one partner; requests take 5 … 150 ms to get there, answers up to four seconds. What is not admitted goes
 *  elsewhere. */
function offer(deployment: Deployment, counter: Counter, perMinute: number, minutes: number): Outcome {
  const clock = new StoppedClock();
  const board = new CapacityBoard(clock);
  const random = seededRandom(11);
  board.keep([deployment]);
  const outcome: Outcome = { dispatched: 0, refused: 0 };
  let running: Running[] = [];
  let due = 0;
  for (clock.at = 0; clock.at < minutes * MINUTE_MS; clock.at += 5) {
    const nowMs = clock.at;
    for (const one of running.filter((call) => call.answer === undefined && call.arriveMs <= nowMs)) {
      const ok = counter.take(nowMs);
      if (!ok) outcome.refused += 1;
      const head = { scope: 'deployment', unit: 'requests', limit: LIMIT, source: 'header' } as const;
      one.answer = { ok, limits: [{ ...head, ...counter.report(nowMs) }] };
    }
    for (const one of running.filter(({ endMs }) => endMs <= nowMs)) {
      one.permit.release();
      const limited = { outcome: 'rate_limited', failureClass: 'rate_limited', status: 429 } as const;
      const fields = { startedAtMs: one.sentMs, ...(one.answer?.ok === true ? {} : limited) };
      board.observed(deployment, { ...anAttempt(nowMs), ...fields, deployment }, one.answer?.limits ?? []);
    }
    running = running.filter(({ endMs }) => endMs > nowMs);
    for (due += (perMinute * 5) / MINUTE_MS; due >= 1; due -= 1) {
      const ask = {
        atMs: nowMs,
        credentialIds: [null],
        inputTokens: 10,
        outputTokens: 10,
        criticality: 'critical',
      } as const;
      const permit = board.admit(deployment, { ...ask, isFailover: false, claim: null });
      if (!permit.ok) continue;
      outcome.dispatched += 1;
      const arriveMs = nowMs + 5 + random() * 145;
      running.push({ sentMs: nowMs, arriveMs, endMs: arriveMs + 200 + random() * 4_000, permit });
    }
  }
  return outcome;
}

describe.each([
  ['a window', 'mistral', (): Counter => new WindowCounter()],
  ['a token bucket', 'openai', (): Counter => new BucketCounter()],
])('a partner that counts by %s', (_name, vendor, counter) => {
  const deployment = aDeployment({ vendor });

  it('refuses nothing at three times its limit, and most of the limit is used', () => {
    const { dispatched, refused } = offer(deployment, counter(), 3 * LIMIT, 10);
    expect(refused).toBe(0);
    expect(dispatched).toBeGreaterThanOrEqual(0.9 * 10 * LIMIT);
  });

  it('refuses at most one in a thousand at 95 % of its limit, and nearly all go to it', () => {
    const { dispatched, refused } = offer(deployment, counter(), 0.95 * LIMIT, 30);
    expect(refused / dispatched).toBeLessThanOrEqual(0.001);
    expect(dispatched).toBeGreaterThanOrEqual(0.95 * 0.95 * 30 * LIMIT);
  });
});
