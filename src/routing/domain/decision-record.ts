import { hash } from 'node:crypto';

import { formatAmount, type PicoUsd } from '../../platform/money/index.js';
import type { CandidateVerdict, DecisionDigest, DeploymentVerdict, RouteDecision } from './route-decision.js';
import type { DecisionNames, PlanInput } from './route-request.js';

const amount = (value: PicoUsd | null): string | null => (value === null ? null : formatAmount(value));
/** Three decimals: a share needs no more, and the bytes stay short. */
const share = (value: number): number => Math.round(value * 1000) / 1000;

/** Members of every object below stand in alphabetical order, which makes `JSON.stringify` write RFC 8785. */
function deploymentRecord({ id, status, rejections, permits, headroom, ramp, ttftMs }: DeploymentVerdict): object {
  if (status === 'rejected') {
    return {
      detail: rejections.map(({ detail }) => detail),
      id,
      reasons: rejections.map(({ reason }) => reason),
      status,
    };
  }
  return {
    headroom: share(headroom),
    id,
    permits,
    ramp: share(ramp),
    status,
    ttftMs: ttftMs === null ? null : Math.round(ttftMs),
  };
}

function candidateRecord(verdict: CandidateVerdict): object {
  const { model, status, reasons, lostBy, currency, deployments } = verdict;
  const judged = deployments.map(deploymentRecord);
  if (status === 'rejected') return { deployments: judged, model, reasons, status };
  return {
    currency,
    deployments: judged,
    expected: amount(verdict.expected),
    lostBy,
    model,
    status,
    worst: amount(verdict.worst),
  };
}

/** The decision as it is kept: canonical JSON (RFC 8785) and its SHA-256. No prompt, person or case is in it. */
export function digestOf(decision: RouteDecision, input: PlanInput, names: DecisionNames): DecisionDigest {
  const { facts, wish, model, operation } = input.request;
  const text = JSON.stringify({
    basis: { rule: decision.basis.rule },
    candidates: decision.candidates.map(candidateRecord),
    facts: {
      inputBound: facts.inputBound,
      inputTokens: facts.inputTokens,
      jurisdictions: wish.jurisdictions ?? input.policy.jurisdictions ?? [],
      maxCost:
        wish.maxCost === undefined
          ? null
          : { amount: formatAmount(wish.maxCost.amount), currency: wish.maxCost.currency },
      outputBound: facts.outputBound,
      requires: wish.requires ?? [],
    },
    knowledge: null,
    mode: decision.mode,
    operation,
    plan: decision.attempts.map(({ deployment }) => deployment.id),
    policy: names.policy,
    requestId: names.requestId,
    requestedModel: model,
    seed: String(decision.seed),
    simulated: input.pool.simulated,
    snapshot: `sha256:${names.snapshot}`,
    task: { source: decision.task.source, value: decision.task.value },
    tier: decision.tier,
    v: 1,
  });
  const body = Buffer.from(text);
  return { body, sha256: hash('sha256', body, 'hex') };
}
