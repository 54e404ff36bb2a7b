import { formatReceipt, type Receipt } from '../../audit/index.js';
import { formatAmount, toWireMoney, type Money } from '../../platform/money/index.js';
import type { AttemptRecord, ProviderCall } from '../../providers/index.js';
import type { Admission } from '../../quotas/index.js';
import type { ChargedCall } from '../domain/charge-attempts.js';
import type { IncomingCall } from '../domain/incoming-call.js';
import type { HeadFacts } from '../domain/response-headers.js';
import type { OpenedCall } from '../settlement/open-call.js';

/** What becomes known about one call while it runs; headers, the `aip` member, errors and the log line are read from it. */
export class CallTrace {
  opened: OpenedCall | undefined;
  admission: Admission | undefined;
  upstream: ProviderCall | undefined;
  charged: ChargedCall | undefined;
  outcomeReceipt: Receipt | undefined;
  /** Stage the call is in: a refusal names it. */
  stage: 'cases' | 'quotas' | 'routing' | 'budgets' | 'providers' | 'settlement' = 'cases';
  /** Time spent before the first dispatch, milliseconds. */
  beforeDispatchMs = 0;
  /** Arrival to the first byte of the answer. */
  ttfbMs: number | null = null;

  constructor(
    readonly call: IncomingCall,
    private readonly now: () => number,
  ) {}

  /** Milliseconds since the request arrived. */
  elapsedMs(): number {
    return this.now() - this.call.startedAt;
  }

  /** Time that was ours: everything before dispatch, and what came after the last attempt ended. */
  overheadMs(): number {
    const waited = (this.upstream?.attempts ?? []).reduce((total, { durationMs }) => total + durationMs, 0);
    return Math.max(this.beforeDispatchMs, this.elapsedMs() - waited);
  }

  get simulated(): boolean {
    return this.opened?.plan.some(({ deployment }) => deployment.simulated) ?? false;
  }

  /** The charge, once it is settled. */
  get cost(): Money | undefined {
    if (this.charged === undefined || this.opened === undefined) return undefined;
    return { amount: this.charged.cost, currency: this.opened.currency };
  }

  /** What the status line tells. */
  headFacts(durability: 'strict' | 'relaxed'): HeadFacts {
    const attempts = this.upstream?.attempts ?? [];
    const last = attempts.at(-1);
    const receipts = [this.opened?.intentReceipt, this.outcomeReceipt].filter((receipt) => receipt !== undefined);
    const { cost } = this;
    return {
      provider: last?.deployment.providerName ?? '',
      model: this.upstream?.answeredModel ?? last?.deployment.upstreamModel ?? '',
      attempts: attempts.map((attempt) => ({
        n: attempt.n,
        provider: attempt.deployment.providerName,
        model: attempt.deployment.model,
        outcome: attempt.outcome,
      })),
      simulated: this.simulated,
      durability,
      overheadMs: this.ttfbMs === null ? this.beforeDispatchMs : this.overheadMs(),
      ignored: this.call.ignored,
      receipts: receipts.map(formatReceipt),
      ...(cost === undefined ? {} : { cost }),
      quota: this.admission?.headers ?? {},
    };
  }

  /** The `aip` member. Source: the wire contract §2.6. */
  describe(charged: ChargedCall | undefined = this.charged): Record<string, unknown> {
    const { opened } = this;
    const last = this.upstream?.attempts.at(-1);
    const currency = opened?.currency ?? '';
    return {
      requestId: this.call.requestId,
      requestedModel: this.call.request.model,
      resolvedModel: last?.deployment.model ?? null,
      answeredModel: this.upstream?.answeredModel ?? null,
      provider: last?.deployment.providerName ?? null,
      region: last?.deployment.region ?? null,
      task: opened?.decision.task.value ?? null,
      tier: opened?.decision.tier ?? null,
      strategy: opened?.decision.mode ?? null,
      simulated: this.simulated,
      overheadMs: Math.round(this.overheadMs() * 10) / 10,
      usageSource: charged?.attempts.at(-1)?.usageSource ?? null,
      outputBound: opened?.outputBound ?? null,
      clamped: null,
      attempts: (this.upstream?.attempts ?? []).map((attempt) => describeAttempt(attempt, charged, currency)),
      rejected: opened?.decision.rejected ?? [],
      ...(opened === undefined ? {} : { reserved: toWireMoney({ amount: opened.hold.amount, currency }) }),
      ...(charged === undefined ? {} : { cost: toWireMoney({ amount: charged.cost, currency }) }),
      ...(opened === undefined ? {} : { audit: { id: opened.intentId, receipt: formatReceipt(opened.intentReceipt) } }),
    };
  }

  /** Log-safe facts. */
  logFacts(): Record<string, unknown> {
    const last = this.charged?.attempts.at(-1);
    return {
      orgId: this.call.principal.orgId,
      userId: this.call.principal.userId,
      keyId: this.call.principal.credential.id,
      model: this.call.request.model,
      provider: last?.attempt.deployment.providerName,
      attempts: this.upstream?.attempts.length ?? 0,
      outcome: last?.attempt.outcome,
      inputTokens: last === undefined ? undefined : last.usage.input + last.usage.cachedInput + last.usage.cacheWrite,
      outputTokens: last === undefined ? undefined : last.usage.output + last.usage.reasoning,
      cost: this.cost === undefined ? undefined : `${formatAmount(this.cost.amount)} ${this.cost.currency}`,
      overheadMs: Math.round(this.overheadMs() * 10) / 10,
      ttftMs: last?.attempt.ttftMs ?? null,
    };
  }
}

function describeAttempt(
  attempt: AttemptRecord,
  charged: ChargedCall | undefined,
  currency: string,
): Record<string, unknown> {
  const cost = charged?.attempts.find((one) => one.attempt.n === attempt.n);
  return {
    n: attempt.n,
    provider: attempt.deployment.providerName,
    model: attempt.deployment.upstreamModel,
    outcome: attempt.outcome,
    status: attempt.status,
    ttftMs: attempt.ttftMs === null ? null : Math.round(attempt.ttftMs),
    durationMs: Math.round(attempt.durationMs),
    usageSource: attempt.usageSource,
    ...(cost === undefined ? {} : { cost: toWireMoney({ amount: cost.cost, currency }) }),
  };
}
