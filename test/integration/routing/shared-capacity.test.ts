import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../../src/platform/clock/index.js';
import { RedisConfig } from '../../../src/platform/config/index.js';
import { createLogger } from '../../../src/platform/logging/index.js';
import { SharedStore } from '../../../src/platform/redis/index.js';
import type { AttemptAsk, AttemptPermit, LimitObservation } from '../../../src/providers/index.js';
import { CapacityBoard } from '../../../src/routing/index.js';
import { SharedCapacity } from '../../../src/routing/shared-capacity.js';
import { anAttempt } from '../../support/capacity-rig.js';
import { until } from '../../support/in-flight.js';
import { RedisServer, redisCommand } from '../../support/redis-server.js';
import { aDeployment } from '../../support/routing-builders.js';

const command = redisCommand();
const clock = new SystemClock();
const deployment = aDeployment({ vendor: 'mistral', credentialIds: ['key-a'] });

/** One replica: what it knows, and its line to the others. */
class Replica {
  readonly board = new CapacityBoard(clock);
  readonly store: SharedStore;
  readonly shared: SharedCapacity;

  constructor(url: string) {
    this.store = new SharedStore(new RedisConfig(url), createLogger('silent', clock));
    this.shared = new SharedCapacity(this.store, this.board, clock);
    this.board.keep([deployment]);
  }

  async connected(): Promise<this> {
    await until('the store is up', () => (this.store.state === 'up' ? true : undefined));
    return this;
  }

  get breaker(): string {
    return this.board.capacity(deployment, ['key-a']).breaker;
  }

  admit(fields: Partial<AttemptAsk> = {}): ReturnType<CapacityBoard['admit']> {
    return this.board.admit(deployment, {
      atMs: clock.nowMs(),
      credentialIds: ['key-a'],
      inputTokens: 10,
      outputTokens: 10,
      criticality: 'critical',
      isFailover: false,
      claim: null,
      ...fields,
    });
  }

  fail(): void {
    this.observe({ outcome: 'connect_error', failureClass: 'connect', ttftMs: null, status: null });
  }

  observe(fields: Parameters<typeof anAttempt>[1], limits: readonly LimitObservation[] = []): void {
    this.board.observed(deployment, anAttempt(clock.nowMs(), { credentialId: 'key-a', deployment, ...fields }), limits);
  }

  stop(): void {
    this.shared.onApplicationShutdown();
    this.store.onApplicationShutdown();
  }
}

function granted(permit: ReturnType<CapacityBoard['admit']>): AttemptPermit {
  if (!permit.ok) throw new Error(`Refused: ${permit.reason}`);
  return permit;
}

const suite = command === undefined ? describe.skip : describe;

suite(command === undefined ? 'what replicas share: no redis-server on this machine' : 'what replicas share', () => {
  const server = new RedisServer(command ?? '');
  const replicas: Replica[] = [];

  beforeAll(async () => {
    await server.start();
  });

  afterEach(async () => {
    for (const replica of replicas.splice(0)) replica.stop();
    // An empty server for the next test.
    await server.stop();
    await server.start();
  });

  afterAll(async () => {
    await server.remove();
  });

  async function two(): Promise<readonly [Replica, Replica]> {
    const pair = [await new Replica(server.url).connected(), await new Replica(server.url).connected()] as const;
    replicas.push(...pair);
    return pair;
  }

  it('a breaker that opens at one replica is open at the others', async () => {
    const [one, other] = await two();
    for (let n = 0; n < 3; n += 1) one.fail();
    expect([one.breaker, other.breaker]).toEqual(['open', 'closed']);
    await until('the other knows', () => (other.breaker === 'open' ? true : undefined), 2_000);
    expect(other.admit()).toMatchObject({ ok: false, reason: 'breaker_open' });
  });

  it('only one replica at a time makes the trial of a half-open breaker, and its success counts for all', async () => {
    const [one, other] = await two();
    for (let n = 0; n < 3; n += 1) one.fail();
    await until('the other knows', () => (other.breaker === 'open' ? true : undefined), 2_000);
    const permits: AttemptPermit[] = [];
    await until('somebody may try', () => {
      for (const replica of [one, other]) {
        const permit = replica.admit();
        if (permit.ok) permits.push(permit);
      }
      return permits.length > 0 ? true : undefined;
    });
    expect(permits).toHaveLength(1);
    const [tries, waits] = one.board.capacity(deployment, ['key-a']).inFlight === 1 ? [one, other] : [other, one];
    expect([waits.breaker, waits.admit().ok]).toEqual(['half-open', false]);
    permits[0]?.release();
    tries.observe({});
    granted(tries.admit()).release();
    tries.observe({});
    expect(tries.breaker).toBe('ramp');
    await until('the other goes on too', () => (waits.breaker === 'ramp' ? true : undefined), 2_000);
  });

  it('a limit that one replica uses is used for the others: together they stay within it', async () => {
    const [one, other] = await two();
    const report: LimitObservation = {
      scope: 'credential',
      unit: 'requests',
      limit: 10,
      remaining: 9,
      resetsAtMs: clock.nowMs() + 60_000,
      source: 'header',
    };
    granted(one.admit()).release();
    one.observe({}, [report]);
    const left = (replica: Replica): number | null | undefined =>
      replica.board.capacity(deployment, ['key-a']).limits[0]?.remaining;
    await until('the other knows the limit', () => (left(other) === 9 ? true : undefined), 2_000);
    for (let n = 0; n < 5; n += 1) granted(one.admit());
    await until('the other knows what runs', () => (left(other) === 4 ? true : undefined), 2_000);
    for (let n = 0; n < 4; n += 1) granted(other.admit());
    expect(other.admit()).toMatchObject({ ok: false, reason: 'upstream_limit' });
    await until('the first knows too', () => (left(one) === 0 ? true : undefined), 2_000);
    expect(one.admit()).toMatchObject({ ok: false, reason: 'upstream_limit' });
  });

  it('one replica probes in a round, and tells what it found', async () => {
    const [one, other] = await two();
    const leases = [
      await one.shared.leaseProbe(deployment.id, 'key-a', 15_000),
      await other.shared.leaseProbe(deployment.id, 'key-a', 15_000),
    ];
    expect(leases).toEqual([true, false]);
    for (let n = 0; n < 3; n += 1) one.shared.probed(deployment.id, 'key-a', false);
    await until('the other heard three failures', () => (other.breaker === 'open' ? true : undefined), 2_000);
  });

  it('without the store each goes on with what it saw itself, says so, and is back when the store is', async () => {
    const [one, other] = await two();
    await server.stop();
    await until('it is away', () => (one.shared.isAway && other.shared.isAway ? true : undefined));
    for (let n = 0; n < 3; n += 1) one.fail();
    expect([one.breaker, other.breaker]).toEqual(['open', 'closed']);
    granted(other.admit()).release();
    expect(await one.shared.leaseProbe(deployment.id, 'key-a', 15_000)).toBe(true);
    // A trial needs nobody's permission while nobody can be asked.
    await until('a trial is made', () => (one.admit().ok ? true : undefined), 5_000);
    await server.start();
    await until('it is back', () => (!one.shared.isAway && !other.shared.isAway ? true : undefined));
    for (let n = 0; n < 3; n += 1) other.fail();
    await until('states travel again', () => (one.breaker === 'open' ? true : undefined), 5_000);
  });
});
