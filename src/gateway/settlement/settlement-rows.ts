import type { UsageRecord } from '../../metering/index.js';
import { newId } from '../../platform/ids/index.js';
import { formatAmount } from '../../platform/money/index.js';
import type { Ranked } from '../../routing/index.js';
import type { ChargedAttempt } from '../domain/charge-attempts.js';
import type { OpenCallFacts, OpenPlanEntry } from '../persistence/open-call.repository.js';
import type { OpenedCall } from './open-call.js';
import type { OpenRequest } from './open-request.js';

function planEntryOf({ deployment, quote }: Ranked): OpenPlanEntry {
  return {
    deploymentId: deployment.id,
    providerId: deployment.providerId,
    provider: deployment.providerName,
    model: deployment.model,
    upstreamModel: deployment.upstreamModel,
    simulated: deployment.simulated,
    priceIds: { ...quote.ids },
    amounts: Object.fromEntries(Object.entries(quote.amounts).map(([meter, amount]) => [meter, formatAmount(amount)])),
  };
}

/** What the reconciler would need to end this call. */
export function openFactsOf(request: OpenRequest, intentId: string, openedAtMs: number): OpenCallFacts {
  const { call, charge, plan, decision } = request;
  return {
    attribution: charge.attribution,
    criticality: request.criticality,
    task: decision.task.value,
    operation: call.operation,
    requestedModel: call.request.model,
    clientRequestId: call.clientRequestId ?? null,
    currency: plan[0]?.quote.currency ?? '',
    inputTokens: request.inputTokens,
    outputBound: request.outputBound,
    intentReceiptOf: intentId,
    openedAtMs,
    plan: plan.map(planEntryOf),
  };
}

/** The usage row of one attempt. */
export function usageRecordOf(opened: OpenedCall, charged: ChargedAttempt, overrun: boolean): UsageRecord {
  const { attempt } = charged;
  const { deployment } = attempt;
  const { attribution } = opened.charge;
  return {
    id: newId(),
    orgId: attribution.orgId,
    atMs: attempt.startedAtMs,
    requestId: opened.call.requestId,
    attempt: attempt.n,
    providerId: deployment.providerId,
    provider: deployment.providerName,
    deploymentId: deployment.id,
    credentialId: attempt.credentialId,
    model: deployment.model,
    upstreamModel: deployment.upstreamModel,
    teamId: attribution.teamId,
    userId: attribution.userId,
    keyId: attribution.keyId,
    investigationId: attribution.investigationId,
    operationId: attribution.operationId,
    task: opened.decision.task.value,
    criticality: opened.criticality,
    outcome: attempt.outcome,
    usageSource: charged.usageSource,
    usage: charged.usage,
    extras: charged.extras,
    currency: charged.currency,
    cost: charged.cost,
    priceIds: charged.priceIds,
    simulated: deployment.simulated,
    unconfirmed: false,
    assumed: charged.assumed,
    overrun,
    latencyMs: Math.round(attempt.durationMs),
    ttftMs: attempt.ttftMs === null ? null : Math.round(attempt.ttftMs),
  };
}
