import { hash } from 'node:crypto';

import { formatAmount, type PicoUsd } from '../../platform/money/index.js';
import { roundedShare, roundedTime } from './place-calls.js';
import type { ModelQuality, RequestQuality } from './quality/request-quality.js';
import type { Basis, CandidateVerdict, DecisionDigest, DeploymentVerdict, RouteDecision } from './route-decision.js';
import type { DecisionNames, PlanInput } from './route-request.js';

const amount = (value: PicoUsd | null): string | null => (value === null ? null : formatAmount(value));

/** Members of every object below stand in alphabetical order, which makes `JSON.stringify` write RFC 8785. */
function deploymentRecord(verdict: DeploymentVerdict): object {
  const { id, providerName: provider, status, rejections } = verdict;
  if (status === 'rejected') {
    return {
      detail: rejections.map(({ detail }) => detail),
      id,
      provider,
      reasons: rejections.map(({ reason }) => reason),
      status,
    };
  }
  return {
    currency: verdict.currency,
    expected: amount(verdict.expected),
    headroom: roundedShare(verdict.headroom),
    id,
    permits: verdict.permits,
    provider,
    ramp: roundedShare(verdict.ramp),
    status,
    ttftMs: verdict.ttftMs === null ? null : roundedTime(verdict.ttftMs),
    weight: verdict.weight,
  };
}

function qualityRecord({ cell, head, isApproved }: ModelQuality): object {
  return {
    approved: isApproved === true,
    head: head ?? null,
    lower: cell?.lower ?? null,
    mass: cell?.mass ?? null,
    mean: cell?.mean ?? null,
    upper: cell?.upper ?? null,
  };
}

function candidateRecord(verdict: CandidateVerdict): object {
  const { model, status, reasons, lostBy, currency, deployments } = verdict;
  const judged = deployments.map(deploymentRecord);
  const quality = verdict.quality === null ? {} : { quality: qualityRecord(verdict.quality) };
  if (status === 'rejected') return { deployments: judged, model, ...quality, reasons, status };
  return {
    currency,
    deployments: judged,
    expected: amount(verdict.expected),
    lostBy,
    model,
    ...quality,
    status,
    ...(verdict.utility === null ? {} : { utility: verdict.utility }),
    worst: amount(verdict.worst),
  };
}

function goalRecord({ baselines, baselineCost, goal }: RequestQuality): object {
  const { rule } = goal;
  return {
    baselineCost:
      baselineCost === null ? null : { amount: formatAmount(baselineCost.amount), currency: baselineCost.currency },
    baselines,
    measure: goal.measure,
    minQuality: goal.minQuality,
    rule:
      rule.rule === 'floor' ? { rule: 'floor' } : { headShare: rule.headShare, lambda: rule.lambda, rule: 'target' },
    target: goal.target,
  };
}

function basisRecord(basis: Basis): object {
  if (!('baseline' in basis)) return { rule: basis.rule };
  return { baseline: basis.baseline, evidence: basis.evidence, rule: basis.rule, target: basis.target };
}

/** Where a conversation stays: the key itself is not kept. */
function sessionRecord(decision: RouteDecision, input: PlanInput): object {
  if (input.request.wish.sessionKey === undefined) return {};
  const staysOn = decision.candidates.flatMap(({ status, deployments: [first] }) =>
    status === 'rejected' || first === undefined ? [] : [first.id],
  );
  return { staysOn };
}

/** The decision as it is kept: canonical JSON (RFC 8785) and its SHA-256. No prompt, person or case is in it. */
export function digestOf(decision: RouteDecision, input: PlanInput, names: DecisionNames): DecisionDigest {
  const { facts, wish, model, operation } = input.request;
  const quality = input.pool.ordered ? undefined : input.quality;
  const knowledge = quality?.knowledge ?? null;
  const text = JSON.stringify({
    basis: basisRecord(decision.basis),
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
    knowledge: knowledge === null ? null : `sha256:${knowledge}`,
    mode: decision.mode,
    operation,
    plan: decision.attempts.map(({ deployment }) => deployment.id),
    policy: names.policy,
    ...(quality === undefined ? {} : { quality: goalRecord(quality) }),
    requestId: names.requestId,
    requestedModel: model,
    seed: String(decision.seed),
    simulated: input.pool.simulated,
    snapshot: `sha256:${names.snapshot}`,
    ...sessionRecord(decision, input),
    task: { source: decision.task.source, value: decision.task.value },
    tier: decision.tier,
    v: 2,
  });
  const body = Buffer.from(text);
  return { body, sha256: hash('sha256', body, 'hex') };
}
