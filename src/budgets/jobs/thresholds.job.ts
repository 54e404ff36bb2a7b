import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { ThresholdWatch } from '../threshold-watch.js';

const LOOK_EVERY_MS = 15_000;

/** Looks at the thresholds of all running windows. Replicas may look at once: a transition belongs to whoever makes it. */
@Injectable()
export class ThresholdsJob {
  #isLooking = false;

  constructor(private readonly watch: ThresholdWatch) {}

  @Interval(LOOK_EVERY_MS)
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.watch.lookAtAll();
    } catch {
      // The database is away: the next look sees the same balances.
    } finally {
      this.#isLooking = false;
    }
  }
}
