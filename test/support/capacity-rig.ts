import { Clock } from '../../src/platform/clock/index.js';
import type { AttemptRecord } from '../../src/providers/index.js';
import { aDeployment } from './routing-builders.js';

/** Time that stands still until a test moves it. Timers never fire. */
export class StoppedClock extends Clock {
  constructor(public at = 0) {
    super();
  }
  override nowMs(): number {
    return this.at;
  }
  override nowMicros(): number {
    return this.at * 1_000;
  }
  override monotonicMs(): number {
    return this.at;
  }
  override after(): () => void {
    return () => undefined;
  }
}

/** A good attempt of 100 ms that ended at `endedAtMs`. */
export function anAttempt(endedAtMs: number, fields: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    n: 1,
    deployment: aDeployment(),
    credentialId: null,
    startedAtMs: endedAtMs - 100,
    endedAtMs,
    ttftMs: 40,
    durationMs: 100,
    outcome: 'ok',
    failureClass: null,
    status: 200,
    vendorCode: null,
    publicMessage: null,
    retryAfterMs: null,
    blameless: false,
    committed: true,
    continues: null,
    billed: 'yes',
    usage: null,
    usageSource: 'none',
    answeredModel: null,
    billedTier: null,
    received: { textBytes: 0, reasoningBytes: 0 },
    sentBytes: 0,
    inputTimes: 1,
    unreported: null,
    ...fields,
  };
}
