import { estimateRequest, type InputEstimate } from '../../metering/index.js';
import type { GatewayConfig } from '../../platform/config/index.js';
import type { ConfigSnapshot } from '../../platform/snapshot/index.js';
import { choicesOf, type CallInput, type CallRules } from '../../providers/index.js';
import type { AdmitRequest } from '../../quotas/index.js';
import type { Ranked, RouteWish } from '../../routing/index.js';
import type { IncomingCall } from '../domain/incoming-call.js';
import { requestBounds, type RequestBounds } from '../domain/request-bounds.js';
import type { OpenedCall } from '../settlement/open-call.js';

const MAX_ATTEMPTS = 4;

/** What every stage of a call looks at: one configuration, one deadline, one count of tokens. */
export interface CallFrame {
  readonly call: IncomingCall;
  readonly snapshot: ConfigSnapshot;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
  readonly size: InputEstimate;
  readonly bounds: RequestBounds;
}

/** Sizes a call and fixes the configuration it is decided on. */
export function frameOf(
  call: IncomingCall,
  now: { readonly snapshot: ConfigSnapshot; readonly atMs: number },
  config: GatewayConfig,
): CallFrame {
  return {
    call,
    snapshot: now.snapshot,
    arrivedAtMs: now.atMs,
    deadlineAtMs: now.atMs + (call.wish.timeoutMs ?? config.defaultTimeoutMs),
    size: estimateRequest(call.request),
    bounds: requestBounds(call, config.defaultOutputBound),
  };
}

/** What is taken from the caller's quotas. */
export function admitRequest({ call, snapshot, deadlineAtMs, size, bounds }: CallFrame): AdmitRequest {
  return {
    estimatedTokens: size.tokens + bounds.outputBound,
    model: call.request.model,
    criticality: call.wish.criticality,
    deadlineAtMs,
    snapshot,
    requestId: call.requestId,
  };
}

/** What routing decides on. */
export function routeWish({ call, snapshot, arrivedAtMs, size, bounds }: CallFrame): RouteWish {
  const { routing, maxCost, classification } = call.wish;
  return {
    requestId: call.requestId,
    snapshot,
    principal: call.principal,
    operation: call.operation,
    request: call.request,
    model: call.request.model,
    fallbackModels: bounds.fallbackModels,
    wish: { ...routing, maxCost, classification },
    facts: {
      inputTokens: size.tokens,
      inputBound: size.bound,
      outputBound: bounds.outputBound,
      outputNamed: bounds.outputNamed,
    },
    atMs: arrivedAtMs,
    seed: seedOf(call.requestId),
  };
}

/** Most tokens of a call: every choice with its own prompt, and twice that where two attempts may run at once. */
export function worstTokens(frame: CallFrame, { hedge }: CallRules): number {
  const perChoice = frame.size.tokens + frame.bounds.outputBound;
  return perChoice * choicesOf(frame.call.request) * (hedge === null ? 1 : 2);
}

/** What partners are asked. `endUser`: a pseudonym. */
export function callInput(
  { call, deadlineAtMs, bounds }: CallFrame,
  { plan }: OpenedCall,
  asked: Required<Pick<CallInput, 'endUser' | 'rules' | 'jurisdictions' | 'covers' | 'load'>>,
): CallInput {
  return {
    requestId: call.requestId,
    operation: call.operation,
    request: call.request,
    plan: plan.map(({ deployment }) => deployment),
    outputBound: bounds.outputBound,
    deadlineAtMs,
    maxAttempts: MAX_ATTEMPTS,
    ...asked,
  };
}

/** A plan is held for, charged and compared in one currency: that of its first place. */
export function oneCurrency(plan: readonly Ranked[]): readonly Ranked[] {
  return plan.filter(({ quote }) => quote.currency === plan[0]?.quote.currency);
}

/** Draws among equals follow the request: a replay decides alike. */
function seedOf(requestId: string): number {
  return Number.parseInt(requestId.slice(-8), 16) | 0;
}
