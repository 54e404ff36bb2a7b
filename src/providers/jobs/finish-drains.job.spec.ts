import { describe, expect, it } from '@jest/globals';

import { StoppedClock } from '../../../test/support/capacity-rig.js';
import { aDeployment } from '../../../test/support/routing-builders.js';
import { createLogger } from '../../platform/logging/index.js';
import type { Deployment } from '../domain/deployment.js';
import { FinishDrainsJob } from './finish-drains.job.js';

/** A job over deployments that a test may change, and what it switched off. */
class Rig {
  readonly clock = new StoppedClock(1_000);
  readonly finished: string[] = [];
  readonly running = new Set<string>();
  deployments: readonly Deployment[] = [];
  readonly job: FinishDrainsJob;

  constructor(alone = true) {
    const finish = (kind: string) => ({
      finishDrain: (id: string): Promise<void> => {
        this.finished.push(`${kind} ${id}`);
        return Promise.resolve();
      },
    });
    this.job = new FinishDrainsJob(
      { current: () => ({ get: () => ({ deployments: this.deployments }) }) } as never,
      { part: {}, load: ({ id }: Deployment) => (this.running.has(id) ? 0.1 : 0) } as never,
      finish('provider') as never,
      finish('deployment') as never,
      { alone } as never,
      this.clock,
      createLogger('silent', this.clock),
    );
  }

  async after(ms: number): Promise<readonly string[]> {
    this.clock.at += ms;
    await this.job.run();
    return this.finished.splice(0);
  }
}

const draining = (id: string, providerId = 'p'): Deployment => aDeployment({ id, providerId, state: 'draining' });

describe('the end of a drain', () => {
  it('comes after five quiet seconds, not while something runs', async () => {
    const rig = new Rig();
    rig.deployments = [draining('d'), aDeployment({ id: 'other' })];
    rig.running.add('d');
    expect(await rig.after(0)).toEqual([]);
    expect(await rig.after(60_000)).toEqual([]);
    rig.running.delete('d');
    expect(await rig.after(1_000)).toEqual([]);
    expect(await rig.after(4_000)).toEqual(['deployment d', 'provider p']);
  });

  it('of a provider waits for all its deployments', async () => {
    const rig = new Rig();
    rig.deployments = [draining('a'), draining('b')];
    rig.running.add('b');
    expect(await rig.after(0)).toEqual([]);
    expect(await rig.after(5_000)).toEqual(['deployment a']);
    rig.running.delete('b');
    expect(await rig.after(5_000)).toEqual(['deployment b', 'provider p']);
  });

  it('waits for the longest attempt where other replicas may run one', async () => {
    const rig = new Rig(false);
    rig.deployments = [draining('d')];
    await rig.after(0);
    expect(await rig.after(aDeployment().timers.totalMs)).toEqual([]);
    expect(await rig.after(5_000)).toEqual(['deployment d', 'provider p']);
  });

  it('begins anew after a resume', async () => {
    const rig = new Rig();
    rig.deployments = [draining('d')];
    await rig.after(0);
    rig.deployments = [aDeployment({ id: 'd' })];
    await rig.after(4_000);
    rig.deployments = [draining('d')];
    expect(await rig.after(4_000)).toEqual([]);
    expect(await rig.after(5_000)).toEqual(['deployment d', 'provider p']);
  });
});
