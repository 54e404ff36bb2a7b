import { LLMock, type Fixture } from '@copilotkit/aimock';

import type { GatewayApp } from './gateway-app.js';

/** How a vendor is reached at the mock. */
export interface MockedVendor {
  readonly vendor: string;
  readonly dialect: 'openai' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere';
  /** Path of the base URL. */
  readonly basePath: string;
  readonly scheme: 'bearer' | 'header' | 'azure' | 'sigv4';
  /** The `#` is replaced: each registration has a model, and so a price, of its own. */
  readonly upstreamModel: string;
  readonly quirks?: Readonly<Record<string, unknown>>;
}

/** The vendors whose protocol the mock speaks, by the name that tests give them. */
export const MOCKED_VENDORS = {
  openai: {
    vendor: 'openai',
    dialect: 'openai',
    basePath: '/v1',
    scheme: 'bearer',
    upstreamModel: 'gpt-4o-mocked#',
  },
  azure: {
    vendor: 'azure',
    dialect: 'openai',
    basePath: '',
    scheme: 'azure',
    upstreamModel: 'our-gpt-4o-#',
    quirks: { apiVersion: '2024-10-21' },
  },
  openrouter: {
    vendor: 'openrouter',
    dialect: 'openai',
    basePath: '/api/v1',
    scheme: 'bearer',
    upstreamModel: 'openai/gpt-4o-mocked#',
  },
  anthropic: {
    vendor: 'anthropic',
    dialect: 'anthropic',
    basePath: '',
    scheme: 'header',
    upstreamModel: 'claude-sonnet-4-5-mocked#',
  },
  gemini: {
    vendor: 'gemini',
    dialect: 'gemini',
    basePath: '',
    scheme: 'header',
    upstreamModel: 'gemini-2.5-flash-mocked#',
  },
  bedrock: {
    vendor: 'bedrock',
    dialect: 'bedrock',
    basePath: '',
    scheme: 'sigv4',
    // Without the `:0` that ends real names: the mock does not decode names in paths.
    upstreamModel: 'anthropic.claude-sonnet-4-5-mocked#-v1',
  },
  cohere: {
    vendor: 'cohere',
    dialect: 'cohere',
    basePath: '',
    scheme: 'bearer',
    upstreamModel: 'command-a-03-2025-mocked#',
  },
} as const satisfies Readonly<Record<string, MockedVendor>>;

/** Name of a mocked vendor. */
export type MockedName = keyof typeof MOCKED_VENDORS;

/** Signed requests carry no key, so they go to a mock that asks for nothing. */
const KEY = 'key-of-the-mock-0123456789';
const AWS_KEYS = 'AKIDEXAMPLE12345:0123456789abcdefghijklmnopqrstuvwxyzABCD';
const CAPABILITIES = {
  stream: true,
  tools: true,
  parallelTools: true,
  images: 'url',
  jsonSchema: true,
  jsonMode: true,
  reasoning: false,
  seed: true,
  context: 200_000,
  maxOutput: 8_000,
};
const HUNG_UP = /^aimock_requests_total\{.*status="destroyed".*\} (\d+)$/gm;

/** An independent implementation of the vendors' protocols (npm `@copilotkit/aimock`) on 127.0.0.1, with a journal and metrics of
 *  its own. What it answers stands in fixtures; a request that no fixture fits gets 404, a wrong key 401. */
export class VendorMock {
  readonly #keyed = new LLMock({ metrics: true, auth: { apiKeys: [KEY] }, logLevel: 'silent' });
  readonly #open = new LLMock({ metrics: true, logLevel: 'silent' });
  readonly #admins = new WeakMap<GatewayApp, string>();
  #added = 0;

  async start(): Promise<this> {
    await this.#keyed.start();
    await this.#open.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#keyed.stop();
    await this.#open.stop();
  }

  /** Answers questions like this for every vendor; the first that fits wins. */
  add(...fixtures: readonly Fixture[]): void {
    this.#keyed.addFixtures([...fixtures]);
    this.#open.addFixtures([...fixtures]);
  }

  /** Forgets fixtures, what was asked, and how often. */
  clear(): void {
    for (const mock of [this.#keyed, this.#open]) mock.clearFixtures().resetMatchCounts().clearRequests();
  }

  /** What was asked of the vendor's models since {@link clear}, in the vendor's language read by the mock. */
  asked(name: MockedName): ReturnType<LLMock['getRequests']> {
    return this.#of(name).getRequests();
  }

  /** The only key that the mock takes. */
  get key(): string {
    return KEY;
  }

  /** Where the vendor listens. */
  port(name: MockedName): number {
    return this.#of(name).port;
  }

  /** How many requests of a vendor ended because the caller hung up, by the mock's own metrics. */
  async hangUps(name: MockedName): Promise<number> {
    const metrics = await (await fetch(`${this.#of(name).url}/metrics`)).text();
    return [...metrics.matchAll(HUNG_UP)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Registers a vendor as an administrator would, as a provider nobody has met yet. */
  async register(
    gateway: GatewayApp,
    name: MockedName,
    options: {
      readonly model: string;
      readonly secret?: string;
      readonly capabilities?: Readonly<Record<string, unknown>>;
      readonly timers?: Readonly<Record<string, number>>;
      /** Where the vendor is to be reached instead of at the mock itself, such as at a proxy in front of it. */
      readonly origin?: string;
      /** Per million tokens; the cheaper one is asked first. */
      readonly price?: string;
    },
  ): Promise<{ readonly provider: string; readonly upstreamModel: string }> {
    this.#added += 1;
    const { vendor, dialect, basePath, scheme, upstreamModel: usual, ...rest }: MockedVendor = MOCKED_VENDORS[name];
    const upstreamModel = usual.replace('#', String(this.#added));
    const price = options.price ?? '1';
    await gateway.price(upstreamModel, { input: price, output: price }, vendor);
    const provider = `${name}-${String(this.#added)}`;
    const answer = await gateway.api('POST', '/api/providers', await this.#adminOf(gateway), {
      name: provider,
      vendor,
      dialect,
      baseUrl: `${options.origin ?? this.#of(name).url}${basePath}`,
      network: 'private',
      currency: 'USD',
      quirks: rest.quirks ?? {},
      credential: { name: 'main', scheme, secret: options.secret ?? (scheme === 'sigv4' ? AWS_KEYS : KEY) },
      deployments: [
        {
          model: options.model,
          upstreamModel,
          region: scheme === 'sigv4' ? 'eu-central-1' : null,
          capabilities: { ...CAPABILITIES, ...options.capabilities },
          timers: options.timers ?? {},
        },
      ],
    });
    if (answer.status !== 201) throw new Error(`Provider ${provider}: ${String(answer.status)} ${answer.text}`);
    return { provider, upstreamModel };
  }

  async #adminOf(gateway: GatewayApp): Promise<string> {
    const known = this.#admins.get(gateway) ?? gateway.token(await gateway.user('admin'));
    this.#admins.set(gateway, known);
    return known;
  }

  #of(name: MockedName): LLMock {
    return MOCKED_VENDORS[name].scheme === 'sigv4' ? this.#open : this.#keyed;
  }
}
