import type { Embedding, EmbeddingRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, Emission, HeaderView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, isSet, type JsonObject } from '../json-value.js';
import { headerText } from '../retry-after.js';
import { checkUsage, readCount, type UsageReport } from '../usage.js';
import { encodeVector } from '../vectors.js';
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

class InvokeExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly received: ReceivedBytes = { textBytes: 0, reasoningBytes: 0 };
  readonly #family: EmbeddingFamily | undefined;
  readonly #model: string;
  readonly #wantsBase64: boolean;
  #counted: number | undefined;

  constructor({ deployment, request: asked }: UpstreamCall) {
    super();
    const request = asked as EmbeddingRequest;
    this.#model = deployment.upstreamModel;
    this.#wantsBase64 = request.encoding_format === 'base64';
    this.#family = familyOf(deployment);
    const body = this.#family?.body(textsOf(request), request, deployment.quirks) ?? {};
    this.request = {
      method: 'POST',
      path: `/model/${encodeURIComponent(deployment.upstreamModel)}/invoke`,
      headers: { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity' },
      body: Buffer.from(JSON.stringify(body)),
    };
  }

  /** Vectors come whole: whoever answered has billed. */
  override get billed(): 'maybe' {
    return 'maybe';
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

  event(_event: SseEvent, _json: unknown): void {
    this.malformed('it streamed what cannot be streamed');
  }

  body(json: unknown): void {
    const data = isJsonObject(json) ? this.#vectors(json) : null;
    if (!isJsonObject(json) || data === null) {
      this.malformed('its answer has no vectors');
      return;
    }
    const report = this.#usage(json);
    const prompt = report?.usage?.input ?? 0;
    this.report(report, null);
    const usage = { prompt_tokens: prompt, total_tokens: prompt };
    this.emit({ kind: 'embedding', response: { object: 'list', data, model: this.#model, usage } });
    this.done();
  }

  close(): void {
    if (!this.isOver) this.failAs('truncated');
  }

  #usage({ inputTextTokenCount }: JsonObject): UsageReport | null {
    const input = this.#counted ?? readCount(inputTextTokenCount);
    return input === undefined
      ? null
      : checkUsage({ input, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 }, 0);
  }

  /** Null when one of them is none. */
  #vectors(json: JsonObject): readonly Embedding[] | null {
    const data: Embedding[] = [];
    for (const [index, vector] of (this.#family?.vectors(json) ?? []).entries()) {
      const embedding = encodeVector(vector, this.#wantsBase64);
      if (embedding === null) return null;
      data.push({ object: 'embedding', index, embedding });
    }
    return data.length === 0 ? null : data;
  }
}
