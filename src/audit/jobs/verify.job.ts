import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { Clock, formatInstant } from '../../platform/clock/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { LiveVerifier } from '../live-verifier.js';

const LOOK_EVERY_MS = 60_000;
/** A verification may take this part of the time at most: a long log is verified less often. */
const MOST_SHARE = 0.02;
const MS_PER_SECOND = 1_000;

/** Verifies the whole log again and again: every minute while that is cheap, else as often as a fiftieth of a processor
 *  allows. What it finds is an alarm. */
@Injectable()
export class VerifyJob {
  #isRunning = false;
  #notBeforeMs = 0;

  constructor(
    private readonly verifier: LiveVerifier,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('audit-verify', LOOK_EVERY_MS)
  async look(): Promise<void> {
    const startMs = this.clock.monotonicMs();
    if (this.#isRunning || startMs < this.#notBeforeMs) return;
    this.#isRunning = true;
    try {
      const { ok, counts, findings, records, openIntents } = await this.verifier.verify();
      this.metrics.auditChainOk.set(ok ? 1 : 0);
      this.metrics.auditOpenIntents.set(openIntents);
      this.metrics.auditLastVerified.set(this.clock.nowMs() / MS_PER_SECOND);
      if (!ok) this.logger.error({ event: 'audit_verification_failed', records, counts, first: findings.slice(0, 5) });
    } catch (error) {
      this.logger.warn({
        event: 'audit_verification_broke_off',
        at: formatInstant(this.clock.nowMs()),
        detail: error instanceof Error ? error.message : '',
      });
    } finally {
      this.#isRunning = false;
      this.#notBeforeMs = startMs + (this.clock.monotonicMs() - startMs) / MOST_SHARE;
    }
  }
}
