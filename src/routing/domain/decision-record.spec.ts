import { hash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';

import { aCandidate, aPlanInput } from '../../../test/support/routing-builders.js';
import { picoUsd } from '../../platform/money/index.js';
import { planRoute } from './plan-route.js';

describe('digestOf', () => {
  const decision = planRoute(
    aPlanInput(
      [aCandidate({}, { live: { ttftMs: 410.4, headroom: 1 / 3 } }), aCandidate({ model: 'b', state: 'draining' })],
      {
        request: {
          wish: {
            maxCost: { amount: picoUsd(10n ** 12n), currency: 'USD' },
            requires: ['tools'],
            jurisdictions: undefined,
          },
        },
      },
    ),
    { requestId: '01890000-0000-7000-8000-000000000000', policy: 'std@14', snapshot: 'ab'.repeat(32) },
  );
  const { body, sha256 } = decision.digest();

  it('is canonical JSON with its SHA-256, made once', () => {
    expect(body.toString()).toBe(canonicalize(JSON.parse(body.toString())));
    expect(sha256).toBe(hash('sha256', body, 'hex'));
    expect(decision.digest().body).toBe(body);
  });

  it('holds the plan, the numbers it was made from and every rejection', () => {
    expect(JSON.parse(body.toString())).toEqual({
      v: 2,
      requestId: '01890000-0000-7000-8000-000000000000',
      policy: 'std@14',
      snapshot: `sha256:${'ab'.repeat(32)}`,
      knowledge: null,
      seed: '7',
      operation: 'chat',
      requestedModel: 'auto',
      simulated: false,
      task: { value: 'chat', source: 'default' },
      tier: 'balanced',
      mode: 'route',
      basis: { rule: 'cheapest' },
      facts: {
        inputTokens: 1000,
        inputBound: 1200,
        outputBound: 1000,
        requires: ['tools'],
        jurisdictions: [],
        maxCost: { amount: '1.000000000000', currency: 'USD' },
      },
      candidates: [
        {
          model: 'gpt-x',
          status: 'chosen',
          lostBy: null,
          currency: 'USD',
          expected: '0.000000001000',
          worst: '0.000000010000',
          deployments: [
            {
              id: 'openai-main/gpt-x',
              provider: 'openai-main',
              status: 'placed',
              currency: 'USD',
              expected: '0.000000001000',
              permits: 512,
              headroom: 0.333,
              ramp: 1,
              ttftMs: 410,
              weight: 1,
            },
          ],
        },
        {
          model: 'b',
          status: 'rejected',
          reasons: ['draining'],
          deployments: [
            {
              id: 'openai-main/b',
              provider: 'openai-main',
              status: 'rejected',
              reasons: ['draining'],
              detail: ['state'],
            },
          ],
        },
      ],
      plan: ['openai-main/gpt-x'],
    });
  });
});
