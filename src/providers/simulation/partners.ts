/** What kind of vendor a simulated partner plays. */
export type SimulatedDialect = 'openai' | 'anthropic';

/** Names of the simulated partners; each is a provider of that name in the demo. */
export type SimulatedPartnerName = 'sim-economy' | 'sim-premium' | 'sim-realtime';

/** The price of a million tokens per kind, decimal strings in `XTS`. A kind that is absent is never reported. */
export interface SimulatedPrices {
  readonly input: string;
  readonly cachedInput?: string;
  readonly cacheWrite?: string;
  readonly output?: string;
  readonly reasoning?: string;
}

/** What a deployment of a simulated model can do; the shape of the column `deployment.capabilities`. */
export interface SimulatedCapabilities {
  readonly operations: readonly ('chat' | 'embeddings')[];
  readonly stream: boolean;
  readonly tools: boolean;
  readonly parallelTools: boolean;
  readonly images: 'none' | 'inline' | 'url';
  readonly pdf: boolean;
  readonly audio: boolean;
  readonly jsonSchema: boolean;
  readonly jsonMode: boolean;
  readonly reasoning: boolean;
  readonly n: boolean;
  readonly logprobs: boolean;
  readonly seed: boolean;
  readonly prefill: boolean;
  /** Tokens of prompt and answer together. */
  readonly context: number;
  readonly maxOutput: number;
  readonly unsupported: readonly string[];
}

/** One model of a simulated partner: public and upstream name are the same. */
export interface SimulatedModel {
  readonly name: string;
  readonly operation: 'chat' | 'embeddings';
  /** What the model is meant for, as the demo's routing policy ranks it. */
  readonly tier: 'economy' | 'balanced' | 'premium';
  readonly capabilities: SimulatedCapabilities;
  readonly prices: SimulatedPrices;
}

/** Everything the demo needs to know about one simulated partner. */
export interface SimulatedPartner {
  readonly name: SimulatedPartnerName;
  readonly dialect: SimulatedDialect;
  /** Joined to the origin it gives the provider's base URL, as that vendor's clients expect it. */
  readonly basePath: string;
  readonly currency: 'XTS';
  readonly models: readonly SimulatedModel[];
  /** Milliseconds before the first token; each request lies within ± 20 %. */
  readonly ttftMs: number;
  readonly tokensPerSecond: number;
  readonly limits: { readonly requestsPerMinute: number; readonly tokensPerMinute: number };
  /** Share of requests, 0…1, that fail on the partner's side while delays are on. */
  readonly errorRate: number;
}

/** Dimensions of every simulated embedding unless the request asks for fewer. */
export const EMBEDDING_DIMENSIONS = 256;

const CHAT: SimulatedCapabilities = {
  operations: ['chat'],
  stream: true,
  tools: true,
  parallelTools: false,
  images: 'inline',
  pdf: false,
  audio: false,
  jsonSchema: true,
  jsonMode: true,
  reasoning: false,
  n: true,
  logprobs: false,
  seed: true,
  prefill: false,
  context: 128_000,
  maxOutput: 8_192,
  unsupported: ['logprobs', 'logit_bias'],
};

const EMBEDDINGS: SimulatedModel = {
  name: 'sim-embed',
  operation: 'embeddings',
  tier: 'economy',
  capabilities: {
    ...CHAT,
    operations: ['embeddings'],
    stream: false,
    tools: false,
    images: 'none',
    jsonSchema: false,
    jsonMode: false,
    n: false,
    seed: false,
    context: 8_192,
    maxOutput: 0,
    unsupported: [],
  },
  prices: { input: '0.02' },
};

/** The three simulated partners. Their prices are multiples of 10⁻¹² XTS per token. Source: design, first run §2. */
export const SIMULATED_PARTNERS: readonly SimulatedPartner[] = [
  {
    name: 'sim-economy',
    dialect: 'openai',
    basePath: '/sim-economy/v1',
    currency: 'XTS',
    models: [
      {
        name: 'sim-small',
        operation: 'chat',
        tier: 'economy',
        capabilities: CHAT,
        prices: { input: '0.20', cachedInput: '0.05', output: '0.80' },
      },
      EMBEDDINGS,
    ],
    ttftMs: 120,
    tokensPerSecond: 90,
    limits: { requestsPerMinute: 600, tokensPerMinute: 200_000 },
    errorRate: 0.01,
  },
  {
    name: 'sim-premium',
    dialect: 'anthropic',
    basePath: '/sim-premium',
    currency: 'XTS',
    models: [
      {
        name: 'sim-large',
        operation: 'chat',
        tier: 'premium',
        capabilities: {
          ...CHAT,
          jsonMode: false,
          reasoning: true,
          n: false,
          seed: false,
          context: 200_000,
          maxOutput: 16_384,
          unsupported: [],
        },
        prices: { input: '4.00', cachedInput: '0.40', cacheWrite: '5.00', output: '16.00', reasoning: '16.00' },
      },
    ],
    ttftMs: 450,
    tokensPerSecond: 45,
    limits: { requestsPerMinute: 120, tokensPerMinute: 80_000 },
    errorRate: 0.005,
  },
  {
    name: 'sim-realtime',
    dialect: 'openai',
    basePath: '/sim-realtime/v1',
    currency: 'XTS',
    models: [
      {
        name: 'sim-fast',
        operation: 'chat',
        tier: 'balanced',
        capabilities: { ...CHAT, context: 16_384, maxOutput: 4_096 },
        prices: { input: '1.00', cachedInput: '0.50', output: '4.00' },
      },
      EMBEDDINGS,
    ],
    ttftMs: 40,
    tokensPerSecond: 160,
    limits: { requestsPerMinute: 300, tokensPerMinute: 100_000 },
    errorRate: 0.02,
  },
];
