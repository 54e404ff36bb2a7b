import { describe, expect, it } from '@jest/globals';

import { aDeployment, aPlanInput, aCandidate } from '../../test/support/routing-builders.js';
import { anAttempt, StoppedClock } from '../../test/support/capacity-rig.js';
import { seededRandom } from '../platform/ids/index.js';
import type { AttemptPermit, Deployment } from '../providers/index.js';
import { CapacityBoard, type ClaimAsk } from './capacity-board.js';
import { planRoute } from './domain/plan-route.js';

const NAMES = { requestId: '0190', policy: 'p', snapshot: '0' };
const ANSWER_MS = 1_000;

/** Partners that bear so many answers of a second at once, and refuse what is above without a word. */
const CAPACITY: Readonly<Record<string, number>> = { small: 10, middle: 20, large: 30 };
const PARTNERS = Object.keys(CAPACITY).map((providerName) =>
  aDeployment({ providerName, vendor: 'mistral', model: 'm', limits: { maxConcurrent: CAPACITY[providerName] ?? 1 } }),
);

/** Calls that arrive, wait while nobody has room, and are answered; time moves in milliseconds. */
class Surge {
  readonly clock = new StoppedClock();
  readonly board = new CapacityBoard(this.clock);
  readonly served = new Map<string, number>();
  refused = 0;
  longestWaitMs = 0;
  readonly #running: { readonly endMs: number; readonly deployment: Deployment; readonly permit: AttemptPermit }[] = [];
  readonly #waiting: number[] = [];
  readonly #random = seededRandom(7);

  constructor() {
    this.board.keep(PARTNERS);
  }

  /** `perSecond` calls a second for `ms`. */
  offer(perSecond: number, ms: number): void {
    const endMs = this.clock.at + ms;
    let due = 0;
    for (; this.clock.at < endMs; this.clock.at += 1) {
      for (due += perSecond / 1_000; due >= 1; due -= 1) this.#waiting.push(this.clock.at);
      this.#answer();
      while (this.#waiting.length > 0 && this.#place()) this.#arrived(this.#waiting.shift() ?? 0);
    }
  }

  get inFlight(): number {
    return this.#running.length;
  }

  #arrived(sinceMs: number): void {
    this.longestWaitMs = Math.max(this.longestWaitMs, this.clock.at - sinceMs);
  }

  /** Plans a call and starts it; false when all are busy. */
  #place(): boolean {
    const atMs = this.clock.at;
    const ask: ClaimAsk = { atMs, credentialIds: [null], inputTokens: 10, outputTokens: 10, criticality: 'critical' };
    const candidates = PARTNERS.map((one) => aCandidate(one, { live: this.board.live(one, ask) }));
    const seed = Math.floor(this.#random() * 2 ** 32) | 0;
    try {
      const [first] = planRoute(aPlanInput(candidates, { seed, atMs }), NAMES).attempts;
      const deployment = PARTNERS.find(({ id }) => id === first?.deployment.id);
      if (deployment === undefined) return false;
      const permit = this.board.admit(deployment, { ...ask, isFailover: false, claim: null });
      if (!permit.ok) return false;
      this.#running.push({ endMs: atMs + ANSWER_MS, deployment, permit });
      const load = this.#running.filter((one) => one.deployment === deployment).length;
      if (load > (CAPACITY[deployment.providerName] ?? 0)) this.refused += 1;
      return true;
    } catch {
      return false;
    }
  }

  #answer(): void {
    for (let next = this.#running[0]; next !== undefined && next.endMs <= this.clock.at; next = this.#running[0]) {
      this.#running.shift();
      next.permit.release();
      const times = { ttftMs: ANSWER_MS / 2, durationMs: ANSWER_MS, startedAtMs: next.endMs - ANSWER_MS };
      this.board.observed(next.deployment, { ...anAttempt(next.endMs), ...times, deployment: next.deployment }, []);
      const { providerName } = next.deployment;
      this.served.set(providerName, (this.served.get(providerName) ?? 0) + 1);
    }
  }
}

describe('a step to ten times the load over three partners', () => {
  it('is served without a refusal, and load follows capacity within 15 %', () => {
    const surge = new Surge();
    surge.offer(5.4, 10_000);
    surge.served.clear();
    surge.offer(54, 30_000);
    expect(surge.refused).toBe(0);
    const total = [...surge.served.values()].reduce((sum, one) => sum + one, 0);
    for (const [name, capacity] of Object.entries(CAPACITY)) {
      const share = (surge.served.get(name) ?? 0) / total;
      expect([name, Math.abs(share / (capacity / 60) - 1) < 0.15]).toEqual([name, true]);
    }
    // Limits that start at eight double per round: the step is caught up within seconds.
    expect(surge.longestWaitMs).toBeLessThan(3_000);
  });

  it('keeps everybody waiting, and nobody refused, while it is above what all bear', () => {
    const surge = new Surge();
    surge.offer(54, 10_000);
    surge.offer(120, 5_000);
    expect(surge.refused).toBe(0);
    // All but the last tenth, which calls of the highest class may have.
    expect(surge.inFlight).toBe(57);
  });
});
