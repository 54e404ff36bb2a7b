import { formatReceipt, type Receipt } from '../../audit/index.js';
import { formatAmount, toWireMoney, type Money } from '../../platform/money/index.js';
import { servingAttempt, type AttemptRecord, type ProviderCall } from '../../providers/index.js';
import type { Admission } from '../../quotas/index.js';
import { servedCharges, type ChargedAttempt, type ChargedCall } from '../domain/charge-attempts.js';
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
  /** Time spent waiting for a partner with room, milliseconds: not ours. */
  queuedMs = 0;
  /** Time spent before the first dispatch without that, milliseconds. */
  beforeDispatchMs = 0;
  /** Arrival to the first byte of the answer. */
  ttfbMs: number | null = null;

  constructor(
    readonly call: IncomingCall,
    private readonly now: () => number,
  ) {}

  /** Everything is on record and held: partners are asked from now on. */
  dispatching(opened: OpenedCall): void {
    this.opened = opened;
    this.stage = 'providers';
    this.beforeDispatchMs = this.elapsedMs() - this.queuedMs;
  }

  /** Milliseconds since the request arrived. */
  elapsedMs(): number {
    return this.now() - this.call.startedAt;
  }

  /** Time that was ours: everything before dispatch, and what came after the last attempt ended. */
  overheadMs(): number {
    const waited = (this.upstream?.attempts ?? []).reduce((total, { durationMs }) => total + durationMs, 0);
    return Math.max(this.beforeDispatchMs, this.elapsedMs() - waited - this.queuedMs);
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
    const last = servingAttempt(attempts);
    const { cost } = this;
    return {
      ...answeredBy(last, this.upstream?.answeredModel ?? null),
      attempts: attempts.map(({ n, deployment, outcome }) => ({
        n,
        provider: deployment.providerName,
        model: deployment.model,
        outcome,
      })),
      simulated: this.simulated,
      durability,
      overheadMs: this.ttfbMs === null ? this.beforeDispatchMs : this.overheadMs(),
      ignored: this.call.ignored,
      receipts: this.#receipts(),
      ...(cost === undefined ? {} : { cost }),
      quota: this.admission?.headers ?? {},
    };
  }

  #receipts(): readonly string[] {
    return [this.opened?.intentReceipt, this.outcomeReceipt]
      .filter((receipt) => receipt !== undefined)
      .map(formatReceipt);
  }

  /** The `aip` member. Source: the wire contract §2.6. */
  describe(charged: ChargedCall | undefined = this.charged): Record<string, unknown> {
    const attempts = this.upstream?.attempts ?? [];
    const currency = this.opened?.currency ?? '';
    return {
      requestId: this.call.requestId,
      requestedModel: this.call.request.model,
      ...servedBy(servingAttempt(attempts), this.upstream?.answeredModel ?? null),
      ...decidedFor(this.opened),
      simulated: this.simulated,
      overheadMs: Math.round(this.overheadMs() * 10) / 10,
      usageSource: servedCharge(charged)?.usageSource ?? null,
      clamped: null,
      attempts: attempts.map((attempt) => describeAttempt(attempt, charged, currency)),
      ...(charged === undefined ? {} : { cost: toWireMoney({ amount: charged.cost, currency }) }),
    };
  }

  /** Log-safe facts. */
  logFacts(): Record<string, unknown> {
    const last = servedCharge(this.charged);
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

function servedCharge(charged: ChargedCall | undefined): ChargedAttempt | undefined {
  return charged === undefined ? undefined : servedCharges(charged).at(-1);
}

function answeredBy(
  last: AttemptRecord | undefined,
  answeredModel: string | null,
): { readonly provider: string; readonly model: string } {
  return {
    provider: last?.deployment.providerName ?? '',
    model: answeredModel ?? last?.deployment.upstreamModel ?? '',
  };
}

function servedBy(last: AttemptRecord | undefined, answeredModel: string | null): Record<string, unknown> {
  return {
    resolvedModel: last?.deployment.model ?? null,
    answeredModel,
    provider: last?.deployment.providerName ?? null,
    region: last?.deployment.region ?? null,
  };
}

function decidedFor(opened: OpenedCall | undefined): Record<string, unknown> {
  if (opened === undefined) return { task: null, tier: null, strategy: null, outputBound: null, rejected: [] };
  const { decision, hold, currency, outputBound, intentId, intentReceipt } = opened;
  return {
    task: decision.task.value,
    tier: decision.tier,
    strategy: decision.mode,
    outputBound,
    rejected: decision.rejected,
    reserved: toWireMoney({ amount: hold.amount, currency }),
    audit: { id: intentId, receipt: formatReceipt(intentReceipt) },
  };
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
    ...(attempt.continues === null ? {} : { continues: attempt.continues }),
    ...(cost === undefined ? {} : { cost: toWireMoney({ amount: cost.cost, currency }) }),
  };
}
