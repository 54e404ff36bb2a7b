import type { EmbeddingRequest } from '../../../openai/index.js';
import type { Adapter, Emission, HeaderView, UpstreamCall, WireRequest } from '../adapter.js';
import { EmbeddingExchange } from '../embedding-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { isSet, objectOf, type JsonObject } from '../json-value.js';
import { headerText } from '../retry-after.js';
import { checkUsage, readCount, type UsageReport } from '../usage.js';
import { embeddingGaps, familyOf, textsOf, type EmbeddingFamily } from './embedding-models.js';
import { classifyRefusal } from './exceptions.js';
import { probe } from './probe.js';

const TOKENS = 'x-amzn-bedrock-input-token-count';

/** Embeddings of Titan, Cohere and Nova on Amazon Bedrock, each asked in its own way through `invoke`. */
export const bedrockEmbeddings: Adapter = {
  from: 'openai',
  to: 'bedrock',
  operation: 'embeddings',
  gaps: (request, deployment) => embeddingGaps(request as EmbeddingRequest, deployment),
  ignored: (request) => (isSet(request['user']) ? ['user'] : []),
  cost: () => ({ inputTimes: 1, meters: [] }),
  open: (call) => new InvokeExchange(call),
  limits: () => [],
  probe,
};

class InvokeExchange extends EmbeddingExchange {
  readonly request: WireRequest;
  readonly #family: EmbeddingFamily | undefined;
  #counted: number | undefined;

  constructor(call: UpstreamCall) {
    super(call);
    const { deployment } = call;
    const request = call.request as EmbeddingRequest;
    this.#family = familyOf(deployment);
    const body = this.#family?.body(textsOf(request), request, deployment.quirks) ?? {};
    this.request = {
      method: 'POST',
      path: `/model/${encodeURIComponent(this.upstreamModel)}/invoke`,
      headers: { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity' },
      body: Buffer.from(JSON.stringify(body)),
    };
  }

  /** What is billed stands in a header, for every model alike. */
  override accept(status: number, headers: HeaderView): readonly Emission[] {
    const text = headerText(headers, TOKENS);
    if (text !== undefined) this.#counted = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    return super.accept(status, headers);
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyRefusal(status, headers, body);
  }

  body(json: unknown): void {
    const answer = objectOf(json);
    this.answer(this.#family?.vectors(answer) ?? [], this.#usage(answer));
  }

  #usage({ inputTextTokenCount }: JsonObject): UsageReport | null {
    const input = this.#counted ?? readCount(inputTextTokenCount);
    return input === undefined
      ? null
      : checkUsage({ input, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 }, 0);
  }
}
