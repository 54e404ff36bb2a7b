import type { Embedding, EmbeddingRequest, SseEvent } from '../../openai/index.js';
import type { ReceivedBytes, UpstreamCall } from './adapter.js';
import { AnswerExchange } from './answer-exchange.js';
import type { UsageReport } from './usage.js';
import { encodeVector } from './vectors.js';

/** The half of an {@link AnswerExchange} that embeddings of all vendors share: vectors come whole, and the caller gets the encoding
 *  it asked for, whatever the vendor sends. A vendor's class makes the request and finds the vectors in the answer. */
export abstract class EmbeddingExchange extends AnswerExchange {
  readonly received: ReceivedBytes = { textBytes: 0, reasoningBytes: 0 };
  protected readonly upstreamModel: string;
  readonly #wantsBase64: boolean;

  constructor({ deployment, request }: UpstreamCall) {
    super();
    this.upstreamModel = deployment.upstreamModel;
    this.#wantsBase64 = (request as EmbeddingRequest).encoding_format === 'base64';
  }

  /** Vectors come whole: whoever answered has billed. */
  override get billed(): 'maybe' {
    return 'maybe';
  }

  event(_event: SseEvent, _json: unknown): void {
    this.malformed('it streamed what cannot be streamed');
  }

  close(): void {
    if (!this.isOver) this.failAs('truncated');
  }

  /** Ends with these vectors, in the order of their texts; malformed when there are none, or one is no vector.
   *  `named`: the model that the answer names; absent: it names none. Attacker-controlled. */
  protected answer(vectors: readonly unknown[], report: UsageReport | null, named?: string): void {
    const data = this.#encoded(vectors);
    if (data === null) {
      this.malformed('its answer has no vectors');
      return;
    }
    if (named !== undefined) this.emit({ kind: 'answered', model: named });
    this.report(report, null);
    const { input, cachedInput, cacheWrite } = report?.usage ?? { input: 0, cachedInput: 0, cacheWrite: 0 };
    const prompt = input + cachedInput + cacheWrite;
    const usage = { prompt_tokens: prompt, total_tokens: prompt };
    this.emit({ kind: 'embedding', response: { object: 'list', data, model: named ?? this.upstreamModel, usage } });
    this.done();
  }

  #encoded(vectors: readonly unknown[]): readonly Embedding[] | null {
    const data: Embedding[] = [];
    for (const [index, vector] of vectors.entries()) {
      const embedding = encodeVector(vector, this.#wantsBase64);
      if (embedding === null) return null;
      data.push({ object: 'embedding', index, embedding });
    }
    return data.length === 0 ? null : data;
  }
}
