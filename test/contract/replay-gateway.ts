import { ConfigSnapshots } from '../../src/platform/snapshot/index.js';
import { fromPerMillion, PricesService, type Meter } from '../../src/metering/index.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import type { Recorded } from './recorded-exchanges.js';
import type { ReplaySource } from './replay-sources.js';

/** Runs `work` for each item, `atOnce` of them at once. */
export async function forEach<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

/** How the deployments of a rig are made. */
interface RigOptions {
  readonly timers?: Body;
  /** Providers per recording, all at the same address: further candidates. */
  readonly copies?: number;
}

/** A recording with the kind of provider that plays it. */
export interface Playable {
  readonly source: ReplaySource;
  readonly recorded: Recorded;
}

const METERS: readonly Meter[] = ['input', 'cachedInput', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning'];
const MAX_DEPLOYMENTS = 100;
const QUESTION = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 50_000 };

type Body = Readonly<Record<string, unknown>>;

/** The recorded body, where it is in our language; else a question of our own. */
export function requestOf({ source, recorded }: Playable): Body {
  // One recorder kept a body that is no JSON.
  const body: unknown = recorded.request.body;
  const asked = typeof body === 'object' && body !== null ? (body as Body) : {};
  if (source.operation === 'embeddings')
    return { input: asked['input'] ?? asked['texts'] ?? asked['prompt'] ?? 'Hello' };
  if (source.dialect !== 'openai' || !Array.isArray(asked['messages'])) return QUESTION;
  return asked;
}

/** The real gateway in front of the player of recordings: one model per recording, named after it. */
export class ReplayGateway {
  readonly #providers: { readonly id: string; readonly basePath: string }[] = [];
  #key = '';
  #admin = '';

  private constructor(
    readonly gateway: GatewayApp,
    private readonly options: RigOptions,
  ) {}

  static async start(
    playables: readonly Playable[],
    upstream: string,
    options: RigOptions = {},
  ): Promise<ReplayGateway> {
    const gateway = await GatewayApp.start();
    const rig = new ReplayGateway(gateway, options);
    try {
      await rig.#setUp(playables, upstream);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return rig;
  }

  async #setUp(playables: readonly Playable[], upstream: string): Promise<void> {
    const { gateway } = this;
    this.#admin = gateway.token(await gateway.user('admin'));
    this.#key = await gateway.key(await gateway.user('analyst'));
    await this.#price(playables);
    // A refused credential or a reached limit is its provider's: answers must not suffer from recorded errors.
    const isError = ({ recorded }: Playable): boolean => recorded.response.status >= 400;
    const groups = Map.groupBy(playables, (one) => `${one.source.file} ${isError(one) ? one.recorded.id : ''}`);
    for (const group of groups.values()) {
      const source = group[0]?.source;
      if (source === undefined) continue;
      for (let from = 0; from < group.length; from += MAX_DEPLOYMENTS) {
        for (let copy = 0; copy < (this.options.copies ?? 1); copy += 1)
          await this.#addProvider(source, group.slice(from, from + MAX_DEPLOYMENTS), upstream);
      }
    }
  }

  /** Lets all providers be reached at another address. */
  async point(upstream: string): Promise<void> {
    for (const { id, basePath } of this.#providers) {
      const target = `/api/providers/${id}`;
      const { version } = (await this.gateway.api<{ version: number }>('GET', target, this.#admin)).json();
      const change = { baseUrl: `${upstream}${basePath}` };
      const match = { 'if-match': `"${String(version)}"` };
      const answer = await this.gateway.api('PATCH', target, this.#admin, change, match);
      if (answer.status !== 200) throw new Error(`Provider ${id}: ${String(answer.status)} ${answer.text}`);
    }
  }

  /** One call of the model that is named after the recording. */
  readonly ask = (playable: Playable, stream = false): Promise<HttpAnswer> => {
    const { source, recorded } = playable;
    const body = { ...requestOf(playable), model: recorded.id };
    if (source.operation === 'embeddings') return this.gateway.api('POST', '/v1/embeddings', this.#key, body);
    const streaming = stream ? { stream: true, stream_options: { include_usage: true } } : { stream: false };
    const { stream_options: _options, ...rest } = body as Body;
    return this.gateway.api('POST', '/v1/chat/completions', this.#key, { ...rest, ...streaming });
  };

  stop(): Promise<void> {
    return this.gateway.stop();
  }

  async #price(playables: readonly Playable[]): Promise<void> {
    const drafts = playables.flatMap(({ source, recorded }) =>
      METERS.map((meter) => ({
        vendor: source.vendor,
        model: recorded.id,
        meter,
        currency: 'USD',
        amount: fromPerMillion('1'),
        effectiveFromMs: Date.parse('2026-01-01'),
        confirmed: true,
        source: 'test',
        asOf: '2026-01-01',
      })),
    );
    const { app } = this.gateway;
    await app.get(ConfigSnapshots).change((tx) => app.get(PricesService).putPrices(tx, drafts));
  }

  async #addProvider(source: ReplaySource, group: readonly Playable[], upstream: string): Promise<void> {
    const answer = await this.gateway.api('POST', '/api/providers', this.#admin, {
      name: `${source.file.toLowerCase().replaceAll('/', '-')}-${String(this.#providers.length)}`,
      vendor: source.vendor,
      dialect: source.dialect,
      baseUrl: `${upstream}${source.basePath}`,
      network: 'private',
      currency: 'USD',
      quirks: source.quirks ?? {},
      credential: { name: 'main', scheme: 'bearer', secret: 'a-secret-of-this-test-only' },
      deployments: group.map((playable) => ({
        model: playable.recorded.id,
        upstreamModel: playable.recorded.id,
        capabilities: capabilitiesFor(playable),
        timers: this.options.timers ?? {},
      })),
    });
    if (answer.status !== 201) throw new Error(`${source.file}: ${String(answer.status)} ${answer.text}`);
    this.#providers.push({ id: answer.json<{ id: string }>().id, basePath: source.basePath });
  }
}

/** Everything that a request may ask for; a model that reasons is one that was asked to. */
function capabilitiesFor(playable: Playable): Body {
  const { operation } = playable.source;
  return {
    operations: [operation],
    stream: operation === 'chat',
    tools: true,
    parallelTools: true,
    images: 'url',
    pdf: true,
    audio: true,
    jsonSchema: true,
    jsonMode: true,
    reasoning: 'reasoning_effort' in requestOf(playable),
    n: true,
    logprobs: true,
    seed: true,
    prefill: true,
    context: 10_000_000,
    maxOutput: 100_000,
  };
}
