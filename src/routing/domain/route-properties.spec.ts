import { describe, expect, it } from '@jest/globals';

import { aCandidate, aPlanInput, CAPABLE } from '../../../test/support/routing-builders.js';
import { AppError } from '../../platform/errors/index.js';
import { seededRandom } from '../../platform/ids/index.js';
import { picoUsd } from '../../platform/money/index.js';
import { claimedValues, processesWithin } from '../../providers/index.js';
import { allowedPlaces } from './filter-candidates.js';
import { planRoute } from './plan-route.js';
import type { QualityRule } from './quality/choose-by-quality.js';
import { EMPTY_CELL, estimateCell, withEvaluation } from './quality/quality-cell.js';
import type { RequestQuality } from './quality/request-quality.js';
import { replayDecision } from './replay-decision.js';
import type { RouteDecision } from './route-decision.js';
import type { Candidate, PlanInput, RoutingWish } from './route-request.js';

const NAMES = { requestId: '01890000-0000-7000-8000-000000000000', policy: 'std@1', snapshot: 'ab'.repeat(32) };
const CASES = 10_000;
/** On a busy host. */
const LONG_MS = 180_000;
const MODELS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
const PROVIDERS = ['north', 'south', 'east'];
const LABELS = ['public', 'restricted', 'secret'];
const PLACES = ['EU', 'US', 'CH', 'DE'];
const CAPABILITIES = ['tools', 'images', 'jsonSchema'];

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const some = <T>(random: Random, list: readonly T[]): T[] => list.filter(() => random() < 0.5);
const maybe = <T>(random: Random, value: () => T, share = 0.4): T | undefined =>
  random() < share ? value() : undefined;

const claim = (kind: string, value: unknown) => ({
  kind,
  value,
  evidenceUrl: null,
  statedAtMs: 0,
  reviewedBy: null,
  reviewDueAtMs: Number.MAX_SAFE_INTEGER,
});

function candidateOf(random: Random, model: string, providerName: string): Candidate {
  return aCandidate(
    {
      model,
      providerName,
      weight: pick(random, [1, 2, 0.5]),
      currency: random() < 0.9 ? 'USD' : 'EUR',
      state: random() < 0.9 ? 'enabled' : pick(random, ['disabled', 'draining'] as const),
      capabilities: { ...CAPABLE, tools: random() < 0.8, jsonSchema: random() < 0.8, context: 100_000 * random() },
      claims: [
        claim('processingIn', some(random, PLACES)),
        claim('highestClassification', pick(random, LABELS)),
        claim('retention', { zeroRetention: random() < 0.5 }),
        ...(random() < 0.2 ? [claim('trainsOnInput', true)] : []),
      ],
    },
    {
      expected: Math.floor(random() * 4) * 1_000 + 1_000,
      gaps: random() < 0.1 ? ['images'] : [],
      live: {
        permits: Math.floor(random() * 6),
        headroom: random(),
        ramp: random() < 0.8 ? 1 : random(),
        ttftMs: random() < 0.3 ? null : 2_000 * random(),
        p95Ms: random() < 0.3 ? null : 20_000 * random(),
        refusal: random() < 0.9 ? null : pick(random, ['breaker_open', 'upstream_limit'] as const),
      },
    },
  );
}

function wishOf(random: Random): RoutingWish {
  return {
    jurisdictions: maybe(random, () => some(random, PLACES)),
    classification: maybe(random, () => pick(random, LABELS)),
    zeroRetention: maybe(random, () => true, 0.2),
    requires: maybe(random, () => some(random, CAPABILITIES)),
    providersDeny: maybe(random, () => [pick(random, PROVIDERS)], 0.2),
    maxCost: maybe(random, () => ({ amount: picoUsd(BigInt(Math.floor(random() * 50_000))), currency: 'USD' })),
    maxLatencyMs: maybe(random, () => 20_000 * random(), 0.2),
    minContext: maybe(random, () => 50_000 * random(), 0.1),
    sessionKey: maybe(random, () => `session ${String(random())}`, 0.2),
  };
}

function qualityOf(random: Random): RequestQuality {
  const cells = new Map(
    MODELS.map((model) => [
      model,
      {
        cell: maybe(random, () => estimateCell(withEvaluation(EMPTY_CELL, random(), Math.floor(300 * random()))), 0.8),
        head: maybe(random, random),
        isApproved: random() < 0.3,
      },
    ]),
  );
  const baselines = [pick(random, MODELS), pick(random, MODELS)];
  const rule: QualityRule =
    random() < 0.5
      ? { rule: 'floor' }
      : { rule: 'target', lambda: random(), headShare: pick(random, [0, 0.25, 0.5, 1]) };
  return {
    knowledge: 'cd'.repeat(32),
    baselines,
    baselineCost: rule.rule === 'floor' ? null : { amount: picoUsd(3_000n), currency: 'USD' },
    models: cells,
    goal: {
      target: pick(random, [0.9, 0.95, 0.98, 1]),
      minQuality: random() < 0.2 ? random() : 0,
      rule,
      measure: cells.get(baselines[0] ?? '')?.cell?.mean ?? 0.5,
    },
  };
}

function inputOf(random: Random): PlanInput {
  const candidates = MODELS.flatMap((model) =>
    some(random, PROVIDERS).map((provider) => candidateOf(random, model, provider)),
  );
  const base = aPlanInput(candidates, {
    seed: Math.floor(random() * 2 ** 32) | 0,
    policy: {
      ...aPlanInput([]).policy,
      classifications: LABELS,
      allowedModels: random() < 0.3 ? some(random, MODELS) : null,
      allowedProviders: random() < 0.3 ? some(random, PROVIDERS) : null,
      jurisdictions: random() < 0.3 ? some(random, PLACES) : null,
    },
    quality: random() < 0.7 ? qualityOf(random) : undefined,
    request: { wish: wishOf(random), entitlements: { models: null, simulated: null } },
  });
  return random() < 0.8 ? base : { ...base, pool: { ...base.pool, mode: 'pinned', ordered: true } };
}

/** What an independent reading of the rules has against a candidate. */
// eslint-disable-next-line complexity -- A list of rules, one a line.
function faultsOf({ deployment, gaps, worst, live }: Candidate, { request, policy, atMs }: PlanInput): string[] {
  const { wish } = request;
  const places = allowedPlaces(policy.jurisdictions, wish.jurisdictions);
  const cleared = claimedValues(deployment.claims, 'highestClassification', atMs)[0] as string;
  const can = deployment.capabilities as unknown as Record<string, unknown>;
  const retention = claimedValues(deployment.claims, 'retention', atMs)[0] as { zeroRetention: boolean };
  return [
    places !== null && !processesWithin(deployment.claims, places, atMs) && 'jurisdiction',
    wish.classification !== undefined && LABELS.indexOf(cleared) < LABELS.indexOf(wish.classification) && 'label',
    wish.zeroRetention === true && !retention.zeroRetention && 'retention',
    (gaps.length > 0 || wish.requires?.some((name) => can[name] === false) === true) && 'capability',
    policy.allowedModels?.includes(deployment.model) === false && 'model',
    policy.allowedProviders?.includes(deployment.providerName) === false && 'provider',
    wish.providersDeny?.includes(deployment.providerName) === true && 'denied',
    wish.maxCost !== undefined && ((worst ?? 0n) > wish.maxCost.amount || deployment.currency !== 'USD') && 'cost',
    live.permits < 1 && 'permits',
  ].filter((fault) => fault !== false);
}

function decided(input: PlanInput): RouteDecision | AppError {
  try {
    return planRoute(input, NAMES);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function refusalFaults({ code }: AppError): string[] {
  return ['no_capacity', 'no_eligible_provider', 'max_cost_exceeded'].includes(code) ? [] : [code];
}

function decisionFaults(decision: RouteDecision, input: PlanInput): string[] {
  const byId = new Map(input.candidates.map((one) => [one.deployment.id, one]));
  const outside = decision.attempts.flatMap(({ deployment }) => {
    const candidate = byId.get(deployment.id);
    return candidate === undefined ? ['unknown'] : faultsOf(candidate, input);
  });
  const unreasoned = decision.candidates.filter(
    ({ status, lostBy, reasons, deployments }) =>
      (status === 'eligible' && lostBy === null) ||
      (status === 'rejected' && deployments.length > 0 && reasons.length === 0) ||
      deployments.some((one) => (one.status === 'rejected') !== one.rejections.length > 0),
  );
  const isSame = replayDecision(decision.digest().body)?.isSame === true;
  return [...outside, ...unreasoned.map(({ model }) => `no reason: ${model}`), ...(isSame ? [] : ['another replay'])];
}

describe('10,000 generated requests and policies', () => {
  it(
    'leave no limit, give every loser a reason and replay to the same choice',
    () => {
      const random = seededRandom(20_261_124);
      let planned = 0;
      const broken: unknown[] = [];
      for (let i = 0; i < CASES; i += 1) {
        const input = inputOf(random);
        const decision = decided(input);
        const faults = decision instanceof AppError ? refusalFaults(decision) : decisionFaults(decision, input);
        if (!(decision instanceof AppError)) planned += 1;
        if (faults.length > 0) broken.push({ i, faults });
      }
      expect(broken).toEqual([]);
      expect(planned).toBeGreaterThan(CASES / 10);
    },
    LONG_MS,
  );

  it('are decided alike whatever the order of the candidates', () => {
    const random = seededRandom(7);
    for (let i = 0; i < CASES / 20; i += 1) {
      const input = inputOf(random);
      const [one, other] = [input, { ...input, candidates: input.candidates.toReversed() }].map(decided);
      if (one instanceof AppError || other instanceof AppError) {
        expect(other).toMatchObject({ code: (one as AppError).code });
      } else expect(other?.digest().sha256).toBe(one?.digest().sha256);
    }
  });
});

describe('a replay', () => {
  const input = aPlanInput([aCandidate({ model: 'a' }), aCandidate({ model: 'b' }, { expected: 2_000 })]);

  it('finds out a record whose plan does not follow from its facts', () => {
    const record = JSON.parse(planRoute(input, NAMES).digest().body.toString()) as { plan: string[] };
    const forged = Buffer.from(JSON.stringify({ ...record, plan: record.plan.toReversed() }));
    expect(replayDecision(forged)).toMatchObject({ isSame: false, plan: record.plan });
  });

  it('leaves records of a version that kept too little', () => {
    expect(replayDecision(Buffer.from('{"v":1}'))).toBeUndefined();
  });
});
