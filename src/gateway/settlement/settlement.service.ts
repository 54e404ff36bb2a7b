import { Injectable } from '@nestjs/common';

import { AuditService, formatReceipt, type PreparedRecord, type Receipt } from '../../audit/index.js';
import { BudgetsService, type Hold, type ServingWish, type Verdict } from '../../budgets/index.js';
import { totalTokens, MeteringService } from '../../metering/index.js';
import { Clock } from '../../platform/clock/index.js';
import type { GroupCommit } from '../../platform/database/index.js';
import { jitter, newId } from '../../platform/ids/index.js';
import { formatAmount, larger, ZERO } from '../../platform/money/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import type { AttemptRecord } from '../../providers/index.js';
import { chargeCall, servedCharges, type ChargedCall } from '../domain/charge-attempts.js';
import { attemptDraft, intentDraft, outcomeDraft, refusedDraft, type CallEnd } from './call-records.js';
import { budgetExceeded, budgetContended } from './budget-refusals.js';
import { OpenCall, type CallStore, type OpenedCall } from './open-call.js';
import type { EndedCall, OpenRequest } from './open-request.js';
import { SettlementQueues } from './settlement-queues.js';
import { openFactsOf, usageRecordOf } from './settlement-rows.js';
import { SettlementFlush } from './settlement-flush.js';
import type { OpenItem, SettleItem, SettlementItem, SettlementOutcome } from './settlement-item.js';

const CONTENTION_MS = 2_000;
const RETRY_MS = 25;
const DEADLINE_SLACK_MS = 60_000;

/** Opens and ends calls: the two durable transactions around every chargeable call, shared by everyone who waits. */
@Injectable()
export class SettlementService implements CallStore<EndedCall> {
  readonly #queue: GroupCommit<SettlementItem, SettlementOutcome>;
  #openCalls = 0;

  constructor(
    private readonly budgets: BudgetsService,
    private readonly metering: MeteringService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    flush: SettlementFlush,
    queues: SettlementQueues,
  ) {
    this.#queue = queues.make(flush);
  }

  /** Calls of this process between their two transactions. */
  get openCalls(): number {
    return this.#openCalls;
  }

  /** Holds the worst case over the plan and records the intent, in one durable transaction. Waits up to two seconds for room that
   *  only other running calls hold.
   *  @throws AppError budget_exceeded, budget_contended, dependency_unavailable, capacity_shed */
  async open(request: OpenRequest): Promise<OpenCall<EndedCall>> {
    const { call, charge, plan, decision } = request;
    const [first] = plan;
    if (first === undefined) throw new Error('A plan has at least one attempt');
    const { currency } = first.quote;
    const worst = plan.reduce((most, one) => larger(most, one.worst), ZERO);
    const intent = await this.audit.prepare(
      intentDraft(call, charge, { ...request, hold: { amount: worst, currency } }),
    );
    const giveUpAtMs = Math.min(this.clock.nowMs() + CONTENTION_MS, request.deadlineAtMs);
    for (let tried = 1; ; tried += 1) {
      const outcome = await this.#queue.join(this.#openItem(request, intent));
      if (outcome.kind === 'held') {
        this.#openCalls += 1;
        this.metrics.reservationsOpen.inc();
        const kept = plan.filter(({ deployment }) => outcome.keep.includes(deployment.id));
        return new OpenCall(this, {
          ...request,
          plan: kept,
          hold: outcome.hold,
          intentId: intent.id,
          intentReceipt: outcome.receipt,
          openedAtMs: outcome.hold.openedAtMs,
          currency,
          decision,
        });
      }
      if (outcome.kind !== 'not_held') throw new Error('An open item is held or not held');
      this.#requireAnotherTry(outcome.verdict, giveUpAtMs);
      await this.clock.sleep(RETRY_MS * tried * (0.5 + jitter()));
    }
  }

  /** Holds more for a call before its next attempt; null when a budget has no room for it or somebody ended the call. Waits for
   *  nobody: the caller of the call waits already. */
  async extend(opened: OpenedCall, hold: Hold, next: ServingWish['candidate']): Promise<Hold | null> {
    const ask = this.budgets.extensionFor(opened.snapshot, hold, servingWish(opened, next));
    const outcome = await this.#queue.join({ kind: 'extend', ask });
    return outcome.kind === 'extended' ? outcome.hold : null;
  }

  /** Gives back what a call no longer can cost once it is known who serves it; null when its hold changed or ended meanwhile. */
  async shrink(opened: OpenedCall, hold: Hold, serving: ServingWish['candidate']): Promise<Hold | null> {
    const shrink = this.budgets.shrinkFor(opened.snapshot, hold, servingWish(opened, serving));
    const outcome = await this.#queue.join({ kind: 'shrink', shrink });
    return outcome.kind === 'shrunk' ? outcome.hold : null;
  }

  /** Charges a call and records its end. @returns its outcome's receipt, or undefined when the reconciler was first */
  async settle(opened: OpenedCall, ended: EndedCall): Promise<Receipt | undefined> {
    const charged = this.charge(opened, ended.attempts);
    const item = await this.#settleItem(opened, ended, charged);
    const outcome = await this.#queue.join(item).finally(() => {
      this.#openCalls -= 1;
      this.metrics.reservationsOpen.dec();
    });
    if (charged.cost > (ended.hold ?? opened.hold).amount)
      this.metrics.overruns.inc({ model: opened.plan[0]?.model ?? 'unknown' });
    return outcome.kind === 'settled' ? outcome.receipt : undefined;
  }

  /** Releases a call that was never dispatched. */
  async abandon(opened: OpenedCall): Promise<void> {
    const end: CallEnd = { status: 'not_sent', http: null, finish: null, overheadMs: 0, ttfbMs: null, totalMs: 0 };
    await this.settle(opened, { attempts: [], end, response: Buffer.alloc(0), describe: () => ({}) });
  }

  /** What the attempts of a call cost, by the prices of the snapshot it was opened with. */
  charge(opened: OpenedCall, attempts: readonly AttemptRecord[]): ChargedCall {
    const prices = opened.snapshot.get(this.metering.prices);
    const quotes = new Map(opened.plan.map(({ deployment, quote }) => [deployment.id, quote]));
    return chargeCall(
      attempts,
      ({ deployment }) => {
        const quote = quotes.get(deployment.id);
        if (quote === undefined) throw new Error(`An attempt left the plan: ${deployment.id}`);
        return { quote, inputTokens: opened.inputTokens, outputBound: opened.outputBound };
      },
      prices,
    );
  }

  /** Records a refusal; durable when it resolves. */
  async recordRefusal(...facts: Parameters<typeof refusedDraft>): Promise<void> {
    const record = await this.audit.prepare(refusedDraft(...facts));
    await this.#queue.join({ kind: 'record', record });
  }

  /** Joins the next flush; for the reconciler. */
  join(item: SettlementItem): Promise<SettlementOutcome> {
    return this.#queue.join(item);
  }

  /** Resolves when nothing waits any more. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  #requireAnotherTry(verdict: Exclude<Verdict, { kind: 'held' }>, giveUpAtMs: number): void {
    if (verdict.kind === 'closed') throw new Error('A hold is closed before it was made');
    if (verdict.kind === 'exhausted') throw budgetExceeded(verdict.budget);
    if (this.clock.nowMs() >= giveUpAtMs) throw budgetContended(verdict.budget);
  }

  #openItem(request: OpenRequest, intent: PreparedRecord): OpenItem {
    const { call, charge, plan, decision, snapshot } = request;
    const atMs = this.clock.nowMs();
    const holdId = newId();
    const expiresAtMs = request.deadlineAtMs + DEADLINE_SLACK_MS;
    const ask = this.budgets.askFor(snapshot, {
      holdId,
      requestId: call.requestId,
      orgId: charge.attribution.orgId,
      attribution: charge.attribution,
      criticality: request.criticality,
      candidates: plan.map(({ deployment, quote, worst }) => ({
        deployment: { id: deployment.id, providerId: deployment.providerId, model: deployment.model },
        currency: quote.currency,
        worst,
        worstTokens: request.worstTokens,
      })),
      atMs,
      expiresAtMs,
    });
    const digest = decision.digest();
    return {
      kind: 'open',
      ask,
      intent,
      open: {
        requestId: call.requestId,
        intentId: intent.id,
        deadlineAtMs: request.deadlineAtMs,
        orgId: charge.attribution.orgId,
      },
      decision: {
        requestId: call.requestId,
        orgId: charge.attribution.orgId,
        atMs,
        snapshot: snapshot.hash,
        sha256: digest.sha256,
        body: digest.body,
      },
      facts: openFactsOf(request, intent.id, atMs),
    };
  }

  async #settleItem(opened: OpenedCall, ended: EndedCall, charged: ChargedCall): Promise<SettleItem> {
    const { call, charge } = opened;
    const hold = ended.hold ?? opened.hold;
    const usage = charged.attempts.map((one) => usageRecordOf(opened, one, charged.cost > hold.amount));
    const records: PreparedRecord[] = [];
    for (const one of charged.attempts) {
      records.push(await this.audit.prepare(attemptDraft(charge, call.requestId, one, opened.intentId)));
    }
    const facts = {
      end: ended.end,
      charged,
      currency: opened.currency,
      usageIds: usage.map(({ id }) => id),
      response: ended.response,
      intentId: opened.intentId,
    };
    const draft = outcomeDraft(charge, call.requestId, facts);
    records.push(await this.audit.prepare(draft));
    const served = servedCharges(charged).at(-1)?.attempt.deployment;
    return {
      kind: 'settle',
      requestId: call.requestId,
      settle: {
        hold,
        posted: {
          currency: opened.currency,
          amount: charged.cost,
          tokens: charged.tokens,
          requests: charged.attempts.length > 0 ? 1 : 0,
        },
        servedDeployment: served === undefined ? null : { providerId: served.providerId, model: served.model },
        parts: charged.attempts.map(({ attempt, cost, usage: counts }) => ({
          deployment: { providerId: attempt.deployment.providerId, model: attempt.deployment.model },
          amount: cost,
          tokens: totalTokens(counts),
          requests: 1,
        })),
        reason: charged.attempts.length > 0 ? 'settle' : 'release',
      },
      usage,
      records,
      late: () => this.audit.prepare({ ...draft, type: 'ai.request.resolved', bodies: [] }),
      generation: {
        requestId: call.requestId,
        orgId: charge.attribution.orgId,
        atMs: opened.openedAtMs,
        userId: charge.attribution.userId,
        teamId: charge.attribution.teamId,
        keyId: charge.attribution.keyId,
        investigationId: charge.attribution.investigationId,
        clientRequestId: call.clientRequestId ?? null,
        operation: call.operation,
        requestedModel: call.request.model,
        status: ended.end.status,
        http: ended.end.http,
        body: {
          ...ended.describe(charged),
          reserved: { amount: formatAmount(opened.hold.amount), currency: opened.currency },
        },
        intentReceipt: formatReceipt(opened.intentReceipt),
      },
    };
  }
}

function servingWish({ charge, criticality }: OpenedCall, candidate: ServingWish['candidate']): ServingWish {
  return { attribution: charge.attribution, criticality, candidate };
}
