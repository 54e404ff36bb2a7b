import { Injectable } from '@nestjs/common';

import { AuditService, type PreparedRecord } from '../../audit/index.js';
import { BudgetsService, type Hold } from '../../budgets/index.js';
import { chargeUsage, type UsageRecord } from '../../metering/index.js';
import { Clock } from '../../platform/clock/index.js';
import { GatewayConfig } from '../../platform/config/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { newId } from '../../platform/ids/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { formatAmount, parseAmount, ZERO, type PicoUsd } from '../../platform/money/index.js';
import { ReplicaService } from '../../platform/replica/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { OpenCallRepository, type OpenCallFacts, type OpenPlanEntry } from '../persistence/open-call.repository.js';
import { unknownDraft } from './call-records.js';
import type { SettleItem } from './settlement-item.js';
import { SettlementService } from './settlement.service.js';

const MAX_PER_RUN = 200;
/** Output that 95 of 100 answers stay under, until more is known. Source: routing page §6. */
const USUAL_OUTPUT_P95 = 1_500;

interface Orphan {
  readonly requestId: string;
  readonly intentId: string;
  readonly hold: Hold;
  readonly facts: OpenCallFacts;
}

/** What the reconciler needs beside the modules. */
@Injectable()
export class ReconcilerSurroundings {
  constructor(
    readonly clock: Clock,
    readonly config: GatewayConfig,
    readonly metrics: Metrics,
    readonly replica: ReplicaService,
    @InjectLogger() readonly logger: Logger,
  ) {}
}

/** Ends calls whose process is gone: closes its lanes, charges conservatively, records `unknown`, gives back what was held. */
@Injectable()
export class Reconciler {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly audit: AuditService,
    private readonly budgets: BudgetsService,
    private readonly calls: OpenCallRepository,
    private readonly settlement: SettlementService,
    private readonly surroundings: ReconcilerSurroundings,
  ) {}

  /** One round. `alone`: no other process can live, so leases are not waited for. Returns how many calls it ended. */
  async run(alone: boolean): Promise<number> {
    const { clock, logger, metrics } = this.surroundings;
    await this.unitOfWork.run((tx) => this.audit.closeAbandonedLanes(tx, alone));
    const orphans = await this.#findOrphans(clock.nowMs());
    let ended = 0;
    for (const orphan of orphans) {
      const item = await this.#itemOf(orphan);
      const outcome = await this.settlement.join(item);
      if (outcome.kind !== 'settled') continue;
      ended += 1;
      for (const { currency, cost } of item.usage) {
        metrics.unconfirmedCost.inc({ currency }, Number.parseFloat(formatAmount(cost)));
      }
    }
    await this.#releaseForgotten(clock.nowMs());
    if (ended > 0) {
      metrics.reservationsExpired.inc(ended);
      logger.warn({ event: 'calls_reconciled', ended });
    }
    return ended;
  }

  /** Gives back holds that outlived every call they could belong to: one that came a moment after its call was ended. */
  async #releaseForgotten(nowMs: number): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const old = await this.budgets.findHeldOlderThan(tx, nowMs, MAX_PER_RUN);
      const open = await this.audit.findOpen(
        tx,
        old.map(({ requestId }) => requestId),
      );
      const forgotten = old.filter(({ requestId }) => !open.has(requestId));
      if (forgotten.length === 0) return;
      const settles = forgotten.map((hold) => ({
        hold,
        posted: { currency: hold.currency, amount: ZERO, tokens: 0, requests: 0 },
        servedDeployment: null,
        reason: 'expire' as const,
      }));
      await this.budgets.flush(tx, { settles, asks: [], nowMs });
      this.surroundings.logger.warn({ event: 'holds_expired', holds: forgotten.length });
    });
  }

  async #findOrphans(nowMs: number): Promise<readonly Orphan[]> {
    return this.unitOfWork.read(async (tx) => {
      const intents = await this.audit.findOrphans(tx, nowMs, MAX_PER_RUN);
      if (intents.length === 0) return [];
      const ids = intents.map(({ requestId }) => requestId);
      const holds = new Map((await this.budgets.findHolds(tx, ids)).map((hold) => [hold.requestId, hold]));
      const facts = await this.calls.find(tx, ids);
      return intents.flatMap(({ requestId, intentId }) => {
        const hold = holds.get(requestId);
        const known = facts.get(requestId);
        if (hold !== undefined && known !== undefined) return [{ requestId, intentId, hold, facts: known }];
        this.surroundings.logger.error({ event: 'orphan_without_hold', requestId });
        return [];
      });
    });
  }

  async #itemOf({ requestId, intentId, hold, facts }: Orphan): Promise<SettleItem> {
    const [place] = facts.plan;
    if (place === undefined) throw new Error(`Call ${requestId} has no plan`);
    const usage = this.#usageOf({ requestId, facts, place, hold });
    const subject = { orgId: hold.orgId, userId: facts.attribution.userId, caseId: facts.attribution.investigationId };
    const record: PreparedRecord = await this.audit.prepare(
      unknownDraft(subject, {
        requestId,
        intentId,
        why: 'the process that served it ended',
        cost: { amount: usage.cost, currency: facts.currency },
        usageIds: [usage.id],
      }),
    );
    return {
      kind: 'settle',
      requestId,
      settle: {
        hold,
        posted: {
          currency: facts.currency,
          amount: usage.cost,
          tokens: facts.inputTokens + usage.usage.output,
          requests: 1,
        },
        servedDeployment: { providerId: place.providerId, model: place.model },
        reason: 'unknown',
      },
      usage: [usage],
      records: [record],
      late: null,
      generation: {
        requestId,
        orgId: hold.orgId,
        atMs: facts.openedAtMs,
        userId: facts.attribution.userId,
        teamId: facts.attribution.teamId,
        keyId: facts.attribution.keyId,
        investigationId: facts.attribution.investigationId,
        clientRequestId: facts.clientRequestId,
        operation: facts.operation,
        requestedModel: facts.requestedModel,
        status: 'unknown',
        http: null,
        body: { requestId, requestedModel: facts.requestedModel, unconfirmed: true },
        intentReceipt: null,
      },
    };
  }

  /** Input as counted, output as 95 of 100 answers have, never more than was held; or the whole hold. */
  #usageOf({
    requestId,
    facts,
    place,
    hold,
  }: {
    requestId: string;
    facts: OpenCallFacts;
    place: OpenPlanEntry;
    hold: Hold;
  }): UsageRecord {
    const output = facts.operation === 'embeddings' ? 0 : Math.min(facts.outputBound, USUAL_OUTPUT_P95);
    const usage = { input: facts.inputTokens, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
    const charge = chargeUsage(usage, [], quoteOf(place, facts.currency));
    const whole = this.surroundings.config.unknownOutcome === 'worst' || charge.amount > hold.amount;
    const { attribution } = facts;
    return {
      id: newId(),
      orgId: hold.orgId,
      atMs: facts.openedAtMs,
      requestId,
      attempt: 1,
      providerId: place.providerId,
      provider: place.provider,
      deploymentId: place.deploymentId,
      model: place.model,
      upstreamModel: place.upstreamModel,
      teamId: attribution.teamId,
      userId: attribution.userId,
      keyId: attribution.keyId,
      investigationId: attribution.investigationId,
      operationId: attribution.operationId,
      task: facts.task,
      criticality: facts.criticality,
      outcome: 'unknown',
      usageSource: 'estimated',
      usage,
      extras: [],
      currency: facts.currency,
      cost: whole ? hold.amount : charge.amount,
      priceIds: charge.priceIds,
      simulated: place.simulated,
      unconfirmed: true,
      assumed: charge.assumed.length > 0,
      overrun: false,
      latencyMs: null,
      ttftMs: null,
    };
  }
}

function quoteOf(place: OpenPlanEntry, currency: string): Parameters<typeof chargeUsage>[2] {
  const amounts = Object.entries(place.amounts).map(([meter, amount]): [string, PicoUsd] => [
    meter,
    parseAmount(amount),
  ]);
  return {
    currency,
    ids: place.priceIds,
    amounts: Object.fromEntries(amounts),
    confirmed: false,
  };
}
