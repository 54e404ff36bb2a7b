import type { Disclosure, JsonObject, JsonValue, RecordDraft } from '../../audit/index.js';
import type { Charge } from '../../cases/index.js';
import { formatMicros } from '../../platform/clock/index.js';
import { toWireMoney, type Money } from '../../platform/money/index.js';
import type { Ranked, RouteDecision } from '../../routing/index.js';
import { servedCharges, type ChargedAttempt, type ChargedCall } from '../domain/charge-attempts.js';
import type { IncomingCall } from '../domain/incoming-call.js';

const JSON_TYPE = 'application/json';
const MICROS_PER_MS = 1000;
const OPERATION = { chat: 'chat.completions', embeddings: 'embeddings' } as const;

/** How a call ended, in the words of the evidence page. */
export type CallStatus = 'ok' | 'failed' | 'torn' | 'client_closed' | 'not_sent';

/** Facts of the end of a call. */
export interface CallEnd {
  readonly status: CallStatus;
  readonly http: number | null;
  readonly finish: string | null;
  readonly overheadMs: number;
  readonly ttfbMs: number | null;
  readonly totalMs: number;
}

const money = (value: Money): JsonObject => ({ ...toWireMoney(value) });
const whole = (value: number | null): number | null => (value === null ? null : Math.round(value));
const present = (members: Record<string, JsonValue | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;

function actorOf(charge: Charge): RecordDraft['actor'] {
  return { kind: 'user', id: charge.attribution.userId };
}

function planEntry({ deployment, quote }: Ranked): JsonObject {
  return {
    deployment: deployment.id,
    model: deployment.upstreamModel,
    price: quote.ids.input ?? quote.ids.output ?? null,
    provider: deployment.providerName,
    region: deployment.region,
  };
}

/** Facts about persons and the case: commitments only. */
function disclosuresOf(call: IncomingCall, charge: Charge, exhibits: readonly string[]): Disclosure[] {
  const { evidence } = charge;
  const officer: Record<string, JsonValue | undefined> = {
    user: charge.attribution.userId,
    delegate: charge.delegateUserId ?? undefined,
    session: call.principal.credential.id,
    'client.ip': call.clientIp,
  };
  const subject: Record<string, JsonValue | undefined> = {
    'case.id': charge.investigation?.externalRef,
    'case.operation': charge.operation?.externalRef,
    'case.exhibit': exhibits.length === 0 ? undefined : exhibits,
    purpose: charge.purpose?.code,
    justification: charge.justification ?? undefined,
    'legal.basis': evidence?.legalBasis,
    'subject.refs': evidence?.subjects,
    refdb: evidence?.referenceDatabase,
  };
  const listed = (of: 'o' | 's', facts: Record<string, JsonValue | undefined>): Disclosure[] =>
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [{ class: of, name, value }]));
  return [...listed('o', officer), ...listed('s', subject)];
}

/** The record before the call: who, for what, with which plan and how much held. */
export function intentDraft(
  call: IncomingCall,
  charge: Charge,
  facts: {
    readonly decision: RouteDecision;
    readonly plan: readonly Ranked[];
    readonly hold: Money;
    readonly outputBound: number;
    readonly criticality: string;
    readonly exhibits: readonly string[];
  },
): RecordDraft {
  return {
    type: 'ai.request.intent',
    orgId: charge.attribution.orgId,
    actor: actorOf(charge),
    caseId: charge.investigation?.id ?? null,
    pub: {
      criticality: facts.criticality,
      decision: facts.decision.digest().sha256,
      hold: money(facts.hold),
      maxTokens: facts.outputBound,
      model: call.request.model,
      op: OPERATION[call.operation],
      plan: facts.plan.map(planEntry),
      req: call.requestId,
      simulated: facts.plan.some(({ deployment }) => deployment.simulated),
      stream: call.operation === 'chat' && call.request.stream === true,
    },
    disclosures: disclosuresOf(call, charge, facts.exhibits),
    bodies: [{ name: 'prompt', bytes: call.rawBody, mediaType: JSON_TYPE, keep: true }],
  };
}

function tokensOf({ usage }: ChargedAttempt): { readonly in: number; readonly out: number } {
  return { in: usage.input + usage.cachedInput + usage.cacheWrite, out: usage.output + usage.reasoning };
}

/** The record of one attempt. */
export function attemptDraft(
  charge: Charge,
  requestId: string,
  charged: ChargedAttempt,
  intentId: string,
): RecordDraft {
  const { attempt } = charged;
  const { deployment } = attempt;
  return {
    type: 'ai.attempt',
    orgId: charge.attribution.orgId,
    actor: actorOf(charge),
    caseId: charge.investigation?.id ?? null,
    ref: intentId,
    pub: present({
      ...tokensOf(charged),
      cost: money({ amount: charged.cost, currency: charged.currency }),
      deployment: deployment.id,
      ended: formatMicros((attempt.endedAtMs ?? attempt.startedAtMs) * MICROS_PER_MS),
      error: attempt.vendorCode ?? attempt.failureClass ?? undefined,
      http: attempt.status ?? undefined,
      model: deployment.upstreamModel,
      provider: deployment.providerName,
      region: deployment.region ?? undefined,
      req: requestId,
      continues: attempt.continues ?? undefined,
      seq: attempt.n,
      simulated: deployment.simulated,
      started: formatMicros(attempt.startedAtMs * MICROS_PER_MS),
      status: attempt.outcome,
      ttfbMs: whole(attempt.ttftMs) ?? undefined,
      usageSource: charged.usageSource,
    }),
  };
}

/** The record after the call. `response`: the bytes that were delivered. */
export function outcomeDraft(
  charge: Charge,
  requestId: string,
  facts: {
    readonly end: CallEnd;
    readonly charged: ChargedCall;
    readonly currency: string;
    readonly usageIds: readonly string[];
    readonly response: Buffer;
    readonly intentId: string;
  },
): RecordDraft {
  const { end, charged } = facts;
  const last = servedCharges(charged).at(-1);
  const totals = charged.attempts.map(tokensOf);
  return {
    type: 'ai.request.outcome',
    orgId: charge.attribution.orgId,
    actor: actorOf(charge),
    caseId: charge.investigation?.id ?? null,
    ref: facts.intentId,
    pub: present({
      attempts: charged.attempts.length,
      cost: money({ amount: charged.cost, currency: facts.currency }),
      finish: end.finish ?? undefined,
      http: end.http ?? undefined,
      in: totals.reduce((total, one) => total + one.in, 0),
      model: last?.attempt.answeredModel ?? last?.attempt.deployment.upstreamModel,
      out: totals.reduce((total, one) => total + one.out, 0),
      overheadMs: Math.round(end.overheadMs),
      provider: last?.attempt.deployment.providerName,
      req: requestId,
      status: end.status,
      totalMs: Math.round(end.totalMs),
      ttfbMs: whole(end.ttfbMs) ?? undefined,
      usageIds: facts.usageIds,
      usageSource: last?.usageSource,
    }),
    bodies:
      facts.response.length === 0
        ? []
        : [{ name: 'response', bytes: facts.response, mediaType: JSON_TYPE, keep: true }],
  };
}

/** The record of a call that was refused: nothing was sent and nothing is held. */
export function refusedDraft(
  subject: { readonly orgId: string; readonly userId: string; readonly caseId: string | null },
  facts: {
    readonly requestId: string;
    readonly stage: string;
    readonly code: string;
    readonly rejected: readonly { readonly provider: string; readonly model: string; readonly reason: string }[];
    readonly repeats?: { readonly count: number; readonly fromMs: number; readonly toMs: number };
  },
): RecordDraft {
  const { repeats } = facts;
  return {
    type: 'ai.request.refused',
    orgId: subject.orgId,
    actor: { kind: 'user', id: subject.userId },
    caseId: subject.caseId,
    pub: present({
      code: facts.code,
      count: repeats?.count,
      from: repeats === undefined ? undefined : formatMicros(repeats.fromMs * MICROS_PER_MS),
      rejected: facts.rejected.slice(0, 20).map(({ provider, model, reason }) => ({ model, provider, reason })),
      req: facts.requestId,
      stage: facts.stage,
      to: repeats === undefined ? undefined : formatMicros(repeats.toMs * MICROS_PER_MS),
    }),
    disclosures: [{ class: 'o', name: 'user', value: subject.userId }],
  };
}

/** The record of a call whose end nobody saw. */
export function unknownDraft(
  subject: { readonly orgId: string; readonly userId: string; readonly caseId: string | null },
  facts: {
    readonly requestId: string;
    readonly intentId: string;
    readonly why: string;
    readonly cost: Money;
    readonly usageIds: readonly string[];
  },
): RecordDraft {
  return {
    type: 'ai.request.unknown',
    orgId: subject.orgId,
    actor: { kind: 'system', id: 'reconciler' },
    caseId: subject.caseId,
    ref: facts.intentId,
    pub: { cost: money(facts.cost), req: facts.requestId, usageIds: facts.usageIds, why: facts.why },
  };
}
