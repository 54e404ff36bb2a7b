import { formatAmount } from '../../platform/money/index.js';
import type { Metrics } from '../../platform/telemetry/index.js';
import type { CallTrace } from '../pipeline/call-trace.js';

const MS = 1000;

/** Counts a finished call. Labels are names of partners, models and closed lists: never a person, case or key. */
export function callMetrics(metrics: Metrics, trace: CallTrace): void {
  metrics.overhead.observe(trace.overheadMs() / MS);
  const attempts = trace.upstream?.attempts ?? [];
  for (const [index, attempt] of attempts.entries()) {
    const labels = { provider: attempt.deployment.providerName, model: attempt.deployment.model };
    metrics.attempts.inc({ ...labels, outcome: attempt.outcome });
    metrics.attemptDuration.observe(labels, attempt.durationMs / MS);
    if (attempt.ttftMs !== null) metrics.timeToFirstToken.observe(labels, attempt.ttftMs / MS);
    const next = attempts[index + 1];
    if (next !== undefined) {
      metrics.failovers.inc({ from: labels.provider, to: next.deployment.providerName, reason: attempt.outcome });
    }
  }
  for (const { attempt, usage, cost, currency } of trace.charged?.attempts ?? []) {
    const labels = { provider: attempt.deployment.providerName, model: attempt.deployment.model };
    for (const [kind, count] of Object.entries(usage)) {
      if (typeof count === 'number' && count > 0) metrics.tokens.inc({ ...labels, kind }, count);
    }
    // A float is good enough to watch; bills come from the ledger.
    metrics.cost.inc({ ...labels, currency }, Number.parseFloat(formatAmount(cost)));
  }
}
