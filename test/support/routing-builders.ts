import { picoUsd } from '../../src/platform/money/index.js';
import type { Capabilities, Deployment } from '../../src/providers/index.js';
import { DEFAULT_POLICY_BODY } from '../../src/routing/domain/route-policy.js';
import type { Candidate, LiveDeployment, PlanInput, RouteRequest } from '../../src/routing/domain/route-request.js';

/** Everything a modern chat model can do. */
export const CAPABLE = {
  operations: ['chat'],
  stream: true,
  tools: true,
  images: 'inline',
  jsonSchema: true,
  context: 128_000,
  maxOutput: 16_000,
  unsupported: [],
} as unknown as Capabilities;

/** A deployment that may serve; its id names its provider and model unless told otherwise. */
export function aDeployment(fields: Partial<Deployment> = {}): Deployment {
  const { providerName = 'openai-main', model = 'gpt-x' } = fields;
  return {
    id: `${providerName}/${model}`,
    providerId: `id-of-${providerName}`,
    providerName,
    vendor: 'openai',
    dialect: 'openai',
    baseUrl: 'https://provider.example/v1',
    network: 'public',
    currency: 'USD',
    quirks: {},
    model,
    upstreamModel: model,
    region: null,
    capabilities: CAPABLE,
    timers: { connectMs: 2_000, ttftMs: 15_000, idleMs: 20_000, totalMs: 300_000 },
    limits: {},
    weight: 1,
    state: 'enabled',
    credentialIds: [],
    claims: [],
    simulated: false,
    deprecatedAtMs: null,
    version: 1,
    ...fields,
  };
}

/** A deployment nobody uses and nothing is known about. */
export const FREE: LiveDeployment = {
  refusal: null,
  retryAtMs: null,
  credentialRefused: false,
  permits: 512,
  headroom: 1,
  tokensLeft: null,
  ramp: 1,
  ttftMs: null,
  p95Ms: null,
};

/** A candidate that costs `expected` picos and at worst ten times that. */
export function aCandidate(
  fields: Partial<Deployment> = {},
  more: Partial<Omit<Candidate, 'expected' | 'worst' | 'live'>> & {
    expected?: number;
    live?: Partial<LiveDeployment>;
  } = {},
): Candidate {
  const { expected = 1_000, live, ...rest } = more;
  const deployment = aDeployment(fields);
  return {
    deployment,
    gaps: [],
    quote: { currency: deployment.currency, ids: {}, amounts: {}, confirmed: true },
    expected: picoUsd(BigInt(expected)),
    worst: picoUsd(BigInt(expected) * 10n),
    ...rest,
    live: { ...FREE, ...live },
  };
}

/** A plan over these candidates: `auto` over all their models unless the request names one. */
export function aPlanInput(
  candidates: readonly Candidate[],
  fields: Partial<Omit<PlanInput, 'request'>> & { request?: Partial<RouteRequest> } = {},
): PlanInput {
  const { request, ...rest } = fields;
  return {
    candidates,
    policy: DEFAULT_POLICY_BODY,
    pool: {
      mode: 'route',
      models: [...new Set(candidates.map(({ deployment }) => deployment.model))].sort(),
      ordered: false,
      simulated: false,
    },
    atMs: 1_764_000_000_000,
    seed: 7,
    ...rest,
    request: {
      operation: 'chat',
      model: 'auto',
      task: { value: 'chat', source: 'default' },
      tier: 'balanced',
      wish: {},
      facts: { inputTokens: 1_000, inputBound: 1_200, outputBound: 1_000 },
      entitlements: { models: null, simulated: null },
      ...request,
    },
  };
}
