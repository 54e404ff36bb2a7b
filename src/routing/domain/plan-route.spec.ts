import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { aCandidate, aPlanInput } from '../../../test/support/routing-builders.js';
import type { AppError } from '../../platform/errors/index.js';
import { picoUsd } from '../../platform/money/index.js';
import { planRoute } from './plan-route.js';
import type { ReasonCode, RouteDecision } from './route-decision.js';
import { REASONS } from './route-decision.js';
import type { Candidate, PlanInput, RoutingWish } from './route-request.js';

const NAMES = { requestId: '01890000-0000-7000-8000-000000000000', policy: 'std@1', snapshot: 'ab'.repeat(32) };

const plan = (input: PlanInput): RouteDecision => planRoute(input, NAMES);
const idsOf = (decision: RouteDecision): string[] => decision.attempts.map(({ deployment }) => deployment.id);

function refusalOf(input: PlanInput): AppError {
  try {
    plan(input);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('Nothing was refused');
}

const OTHER = aCandidate({ providerName: 'other', model: 'other' }, { expected: 5_000 });

/** The reasons recorded against `candidate` when another one is eligible. */
function reasonsAgainst(
  candidate: Candidate,
  wish: RoutingWish = {},
  fields: Partial<PlanInput> = {},
): readonly ReasonCode[] {
  const decision = plan(aPlanInput([candidate, OTHER], { ...fields, request: { wish } }));
  const verdict = decision.candidates.find(({ model }) => model === candidate.deployment.model);
  return verdict?.deployments[0]?.rejections.map(({ reason }) => reason) ?? [];
}

const claim = (kind: string, value: unknown) => ({
  kind,
  value,
  evidenceUrl: null,
  statedAtMs: 0,
  reviewedBy: null,
  reviewDueAtMs: Number.MAX_SAFE_INTEGER,
});
const policy = aPlanInput([]).policy;

describe('hard filters', () => {
  const cases: readonly [ReasonCode, Candidate, RoutingWish?, Partial<PlanInput>?][] = [
    ['not_allowed', aCandidate(), {}, { policy: { ...policy, allowedModels: ['other'] } }],
    ['not_allowed', aCandidate(), {}, { policy: { ...policy, allowedProviders: ['other'] } }],
    ['excluded', aCandidate(), { providersDeny: ['openai-main'] }],
    ['excluded', aCandidate(), { providersAllow: ['other'] }],
    ['capability', aCandidate({}, { gaps: ['tools'] })],
    [
      'capability',
      aCandidate({ capabilities: { ...aCandidate().deployment.capabilities, tools: false } }),
      { requires: ['tools'] },
    ],
    ['context_window', aCandidate({ capabilities: { ...aCandidate().deployment.capabilities, context: 2_000 } })],
    ['price_unknown', aCandidate({}, { quote: undefined })],
    ['simulated', aCandidate({ simulated: true, network: 'simulated' })],
    ['disabled', aCandidate({ state: 'disabled' })],
    ['deprecated', aCandidate({ deprecatedAtMs: 1 })],
    ['credential', aCandidate({}, { live: { credentialRefused: true } })],
    ['max_cost', aCandidate({}, { expected: 9_000 }), { maxCost: { amount: picoUsd(60_000n), currency: 'USD' } }],
    ['max_latency', aCandidate({}, { live: { p95Ms: 9_000 } }), { maxLatencyMs: 5_000 }],
    ['draining', aCandidate({ state: 'draining' })],
    ['breaker_open', aCandidate({}, { live: { refusal: 'breaker_open' } })],
    ['upstream_limit', aCandidate({}, { live: { refusal: 'upstream_limit' } })],
    ['upstream_limit', aCandidate({}, { live: { permits: 0 } })],
    ['upstream_limit', aCandidate({}, { live: { tokensLeft: 10 } })],
  ];

  it.each(cases.map(([reason, ...rest]) => ({ reason, rest })))('records $reason', ({ reason, rest }) => {
    expect(reasonsAgainst(...rest)).toEqual([reason]);
  });

  it('refuses nobody by a window that is not known, except who asks for one', () => {
    const unknown = aCandidate({ capabilities: { ...aCandidate().deployment.capabilities, context: 0 } });
    expect(planRoute(aPlanInput([unknown]), NAMES).attempts).toHaveLength(1);
    expect(reasonsAgainst(unknown, { minContext: 1_000 })).toEqual(['context_window']);
  });

  it('records jurisdiction for whom no claim proves the place, and policy and wish only narrow', () => {
    const eu = aCandidate({ model: 'eu', claims: [claim('processingIn', ['EU'])] });
    const us = aCandidate({ model: 'us', claims: [claim('processingIn', ['US'])] });
    const both = aPlanInput([eu, us, OTHER], {
      policy: { ...policy, jurisdictions: ['EU'] },
      request: { wish: { jurisdictions: ['EU', 'US'] } },
    });
    const decision = plan(both);
    expect(idsOf(decision)).toEqual(['openai-main/eu']);
    expect(decision.rejected).toEqual([
      { provider: 'other', model: 'other', reason: 'jurisdiction' },
      { provider: 'openai-main', model: 'us', reason: 'jurisdiction' },
    ]);
  });

  it('records classification for whom no claim clears the label', () => {
    const labels = { policy: { ...policy, classifications: ['public', 'restricted', 'secret'] } };
    const cleared = aCandidate({ model: 'ok', claims: [claim('highestClassification', 'secret')] });
    const low = aCandidate({ model: 'low', claims: [claim('highestClassification', 'public')] });
    const decision = plan(
      aPlanInput([cleared, low, OTHER], { ...labels, request: { wish: { classification: 'restricted' } } }),
    );
    expect(idsOf(decision)).toEqual(['openai-main/ok']);
    expect(decision.rejected.map(({ reason }) => reason)).toEqual(['classification', 'classification']);
  });

  it('records retention for whom no claim proves that nothing is kept', () => {
    const none = aCandidate({ model: 'none', claims: [claim('retention', { zeroRetention: true })] });
    const trains = aCandidate({
      model: 'trains',
      claims: [claim('retention', { zeroRetention: true }), claim('trainsOnInput', true)],
    });
    const decision = plan(aPlanInput([none, trains, OTHER], { request: { wish: { zeroRetention: true } } }));
    expect(idsOf(decision)).toEqual(['openai-main/none']);
  });

  it('records quality where a minimum is asked and nothing is known', () => {
    expect(refusalOf(aPlanInput([aCandidate()], { request: { wish: { minQuality: 0.9 } } })).message).toContain(
      'quality',
    );
  });

  it('records every reason that holds, in the documented order', () => {
    const bad = aCandidate(
      { state: 'draining', simulated: true, deprecatedAtMs: 1 },
      { gaps: ['tools'], quote: undefined, live: { refusal: 'breaker_open' } },
    );
    const reasons = reasonsAgainst(bad, { providersDeny: ['openai-main'] });
    expect(reasons).toEqual([
      'excluded',
      'capability',
      'price_unknown',
      'simulated',
      'deprecated',
      'draining',
      'breaker_open',
    ]);
    expect([...reasons].sort((a, b) => REASONS.indexOf(a) - REASONS.indexOf(b))).toEqual(reasons);
  });
});

describe('planRoute', () => {
  it('takes the cheapest model and keeps the others as failover, with why they lost', () => {
    const cheap = aCandidate({ model: 'cheap', providerName: 'a' }, { expected: 10 });
    const same = aCandidate({ model: 'same', providerName: 'b' }, { expected: 10, live: { permits: 10 } });
    const dear = aCandidate({ model: 'dear', providerName: 'c' }, { expected: 11 });
    const decision = plan(aPlanInput([dear, same, cheap]));
    expect(idsOf(decision)).toEqual(['a/cheap', 'b/same', 'c/dear']);
    expect(decision.basis).toEqual({ rule: 'cheapest' });
    expect(decision.candidates.map(({ model, status, lostBy }) => [model, status, lostBy])).toEqual([
      ['cheap', 'chosen', null],
      ['same', 'eligible', 'tie'],
      ['dear', 'eligible', 'cost'],
    ]);
  });

  it('fails over inside the model first, to another partner before the same one', () => {
    const model = 'm';
    const first = aCandidate({ id: '1', model, providerName: 'a' }, { expected: 10 });
    const sibling = aCandidate({ id: '2', model, providerName: 'a' }, { expected: 11 });
    const elsewhere = aCandidate({ id: '3', model, providerName: 'b' }, { expected: 12 });
    const cheaperModel = aCandidate({ id: '4', model: 'z', providerName: 'c' }, { expected: 11 });
    expect(idsOf(plan(aPlanInput([cheaperModel, elsewhere, sibling, first])))).toEqual(['1', '3', '2', '4']);
  });

  it('keeps the order of named models and never leaves them', () => {
    const dear = aCandidate({ model: 'dear', providerName: 'a' }, { expected: 100 });
    const cheap = aCandidate({ model: 'cheap', providerName: 'b' }, { expected: 1 });
    const stranger = aCandidate({ model: 'stranger', providerName: 'c' }, { expected: 1 });
    const decision = plan(
      aPlanInput([cheap, dear, stranger], {
        pool: { mode: 'pinned', models: ['dear', 'cheap'], ordered: true, simulated: false },
      }),
    );
    expect(idsOf(decision)).toEqual(['a/dear', 'b/cheap']);
    expect(decision.mode).toBe('pinned');
    expect(decision.candidates[1]?.lostBy).toBe('order');
  });

  it('plans at most eight attempts', () => {
    const many = Array.from({ length: 20 }, (_, n) => aCandidate({ id: String(n).padStart(2, '0'), model: 'm' }));
    expect(plan(aPlanInput(many)).attempts).toHaveLength(8);
  });

  it('is the same decision, byte for byte, whatever the order of the candidates', () => {
    const all = Array.from({ length: 9 }, (_, n) =>
      aCandidate(
        {
          id: `d${String(n)}`,
          model: `m${String(n % 3)}`,
          providerName: `p${String(n % 4)}`,
          state: n === 4 ? 'draining' : 'enabled',
        },
        { expected: 10 + (n % 2) },
      ),
    );
    const body = plan(aPlanInput(all)).digest().body.toString();
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(plan(aPlanInput(shuffled)).digest().body.toString()).toBe(body);
      }),
    );
  });

  it('spreads equals by the seed, the one with more capacity more often', () => {
    const idle = aCandidate({ id: 'idle', model: 'm', providerName: 'a' }, { live: { permits: 500 } });
    const busy = aCandidate({ id: 'busy', model: 'm', providerName: 'b' }, { live: { permits: 20 } });
    const twin = aCandidate({ id: 'twin', model: 'm', providerName: 'c' }, { live: { permits: 500 } });
    const firsts = new Map<string, number>();
    for (let seed = 0; seed < 1_000; seed++) {
      const [first = ''] = idsOf(plan(aPlanInput([idle, busy, twin], { seed: Math.imul(seed, 2_654_435_761) })));
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    expect(firsts.get('busy') ?? 0).toBeLessThan(20);
    expect(firsts.get('idle')).toBeGreaterThan(300);
    expect(firsts.get('twin')).toBeGreaterThan(300);
  });

  it('keeps a conversation on one deployment while it has room', () => {
    const equals = ['a', 'b', 'c'].map((id) => aCandidate({ id, model: 'm', providerName: id }));
    const firstFor = (seed: number, candidates = equals): string | undefined =>
      idsOf(plan(aPlanInput(candidates, { seed, request: { wish: { sessionKey: 'case-7' } } })))[0];
    const home = firstFor(1);
    expect(new Set(Array.from({ length: 50 }, (_, seed) => firstFor(seed)))).toEqual(new Set([home]));
    const full = equals.map((one) =>
      one.deployment.id === home ? { ...one, live: { ...one.live, permits: 50 } } : one,
    );
    expect(firstFor(1, full)).not.toBe(home);
  });

  it('a filter never adds a candidate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ provider: fc.constantFrom('a', 'b', 'c'), cost: fc.nat(50) }), {
          minLength: 1,
          maxLength: 6,
        }),
        (rows) => {
          const all = rows.map(({ provider, cost }, n) =>
            aCandidate({ id: String(n), model: `m${String(n % 2)}`, providerName: provider }, { expected: cost }),
          );
          const before = new Set(idsOf(plan(aPlanInput(all))));
          try {
            const after = idsOf(plan(aPlanInput(all, { request: { wish: { providersDeny: ['a'] } } })));
            for (const id of after) expect(before).toContain(id);
          } catch (error) {
            expect((error as AppError).code).toBe('no_eligible_provider');
          }
        },
      ),
    );
  });
});

describe('a plan without anybody', () => {
  const open = aCandidate({}, { live: { refusal: 'breaker_open', retryAtMs: 1_764_000_010_000 } });
  const dear = aCandidate({ model: 'dear' });
  const tooDear = { maxCost: { amount: picoUsd(1n), currency: 'USD' } };

  it('is 503 no_capacity with a jittered Retry-After when waiting may help', () => {
    const error = refusalOf(aPlanInput([open, aCandidate({ model: 'off', state: 'disabled' })]));
    expect(error.code).toBe('no_capacity');
    expect(error.facts.retryAfterSeconds).toBeGreaterThanOrEqual(8);
    expect(error.facts.retryAfterSeconds).toBeLessThanOrEqual(12);
    expect(error.facts.aip).toEqual({
      rejected: [
        { provider: 'openai-main', model: 'gpt-x', reason: 'breaker_open', resetsAt: '2025-11-24T16:00:10.000Z' },
        { provider: 'openai-main', model: 'off', reason: 'disabled' },
      ],
    });
  });

  it('is 402 max_cost_exceeded when only the caller’s bound stands in the way', () => {
    expect(refusalOf(aPlanInput([dear], { request: { wish: tooDear } })).code).toBe('max_cost_exceeded');
  });

  it('is 422 no_eligible_provider when every candidate is out for good', () => {
    const error = refusalOf(aPlanInput([aCandidate({}, { gaps: ['tools'] })], { request: { wish: tooDear } }));
    expect(error.code).toBe('no_eligible_provider');
    expect(error.message).toContain('capability, max_cost');
  });
});
