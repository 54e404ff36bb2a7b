import type { ChatChunk, ChatRequest, EmbeddingRequest, EmbeddingResponse, FinishReason } from '../../openai/index.js';
import type { UpstreamFailure } from './failure.js';
import type { ExtraMeter, TokenUsage, UsageAnomaly } from './usage.js';

/** Wire languages of vendors that this release speaks. */
export const DIALECTS = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere'] as const;

/** One of {@link DIALECTS}. */
export type Dialect = (typeof DIALECTS)[number];

/** What an adapter translates. */
export type Operation = 'chat' | 'embeddings';

/** What a deployment can do, seeded from the catalogue and editable. Source: providers page §1. */
export interface Capabilities {
  readonly operations: readonly Operation[];
  readonly stream: boolean;
  readonly tools: boolean;
  readonly parallelTools: boolean;
  readonly images: 'none' | 'inline' | 'url';
  readonly pdf: boolean;
  readonly audio: boolean;
  readonly jsonSchema: boolean;
  readonly jsonMode: boolean;
  readonly reasoning: boolean;
  /** More than one choice per request. */
  readonly n: boolean;
  readonly logprobs: boolean;
  readonly seed: boolean;
  /** An unfinished assistant message at the end is continued. */
  readonly prefill: boolean;
  /** Tokens of prompt and answer together; 0: unknown. */
  readonly context: number;
  /** Tokens; 0: unknown. */
  readonly maxOutput: number;
  /** Names of request members that this deployment refuses. */
  readonly unsupported: readonly string[];
}

/** What an adapter has to know of a deployment. Holds no credential. */
export interface DeploymentView {
  /** Selects the row of the quirks table: `openai`, `groq`, `anthropic` … */
  readonly vendor: string;
  readonly dialect: Dialect;
  /** Scheme, host, port and base path, without a slash at the end. */
  readonly baseUrl: string;
  readonly upstreamModel: string;
  /** Overrides of the vendor's quirks. */
  readonly quirks: Readonly<Record<string, unknown>>;
  readonly capabilities: Capabilities;
}

/** Response headers as Node delivers them, names in lower case. */
export type HeaderView = Readonly<Record<string, string | string[] | undefined>>;

/** A request for the wire, without credentials. `path` begins with a slash and follows the deployment's base URL. */
export interface WireRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null for GET. */
  readonly body: Uint8Array | null;
}

/** A request that proves name, TLS and credential and is not billed. */
export interface ProbeRequest extends WireRequest {
  /** Another address of the same vendor, where it is asked: its control plane. */
  readonly baseUrl?: string;
  /** What an answer that is no success means, where its status misleads: the credential is `known` although it may not look, or the
   *  `model` is not there; null: what its status says. */
  readonly read?: (status: number, headers: HeaderView, body: Uint8Array) => 'known' | 'model' | null;
}

/** A member of a request that a deployment cannot honour. */
export interface CapabilityGap {
  readonly member: string;
  readonly reason: string;
}

/** A limit as a provider reports it; what does not parse is absent, never 0. */
export interface LimitObservation {
  readonly scope: 'credential' | 'deployment';
  readonly unit: 'requests' | 'tokens' | 'inputTokens' | 'outputTokens' | 'images';
  readonly windowMs?: number;
  readonly limit?: number;
  readonly remaining?: number;
  /** Wall clock. */
  readonly resetsAtMs?: number;
  readonly source: 'header' | 'body' | 'configured' | 'learned';
}

/** One request to one deployment. */
export interface UpstreamCall {
  readonly deployment: DeploymentView;
  /** The caller's parsed body; read, never changed. */
  readonly request: ChatRequest | EmbeddingRequest;
  /** Unique per attempt: ids that a vendor leaves out are derived from it. */
  readonly requestId: string;
  /** Tokens that the hold covers, per choice. */
  readonly outputBound: number;
  /** Pseudonym sent as `safety_identifier` or its like, never a name; empty: none is sent. */
  readonly endUser: string;
}

/** Whether a chunk shows that the model is at work: `content` is text, refusal, a tool call or audio. */
export type ChunkProgress = 'none' | 'reasoning' | 'content';

/** What an exchange understood. `raw`: these bytes are the whole event and may be forwarded as they are; null: send `chunk`.
 *  Several `usage` may come, the last one counts. Nothing follows `done` or `failure`. */
export type Emission =
  | {
      readonly kind: 'chunk';
      readonly chunk: ChatChunk;
      readonly raw: Uint8Array | null;
      readonly progress: ChunkProgress;
    }
  | { readonly kind: 'embedding'; readonly response: EmbeddingResponse }
  | { readonly kind: 'usage'; readonly usage: TokenUsage; readonly billedTier: string | null }
  | { readonly kind: 'answered'; readonly model: string }
  | { readonly kind: 'finish'; readonly choice: number; readonly reason: FinishReason }
  | { readonly kind: 'done' }
  | { readonly kind: 'failure'; readonly failure: UpstreamFailure };

/** UTF-8 bytes of generated text that passed, for usage that nobody reports. */
export interface ReceivedBytes {
  readonly textBytes: number;
  readonly reasoningBytes: number;
}

/** One attempt in a vendor's language; single use. */
export interface Exchange {
  /** Equal input gives equal bytes. */
  readonly request: WireRequest;
  readonly received: ReceivedBytes;
  /** What was odd about usage reports so far; with `refused` and no `usage` emission the caller counts. */
  readonly anomalies: readonly UsageAnomaly[];
  /** What the provider says the call cost, decimal text in USD, for reconciliation only. */
  readonly reportedCost: string | null;
  /** Status and headers of a success (2xx) before its first byte: they decide between a stream and a whole body. */
  accept(status: number, headers: HeaderView): readonly Emission[];
  /** Bytes of the body; any split of the same bytes gives the same emissions. */
  push(bytes: Uint8Array): readonly Emission[];
  /** The body is complete; without a finish this is the failure `truncated`. */
  end(): readonly Emission[];
  /** What an answer that is no success means. `body` ≤ 64 KiB. */
  classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure;
}

/** What a request costs beyond its tokens. */
export interface CallCost {
  /** How often the prompt is billed. */
  readonly inputTimes: number;
  /** Meters beside tokens that the vendor can report. */
  readonly meters: readonly ExtraMeter[];
}

/** Translates between OpenAI's language and one vendor's. Pure: no socket, clock, randomness or log. */
export interface Adapter {
  readonly from: 'openai';
  readonly to: Dialect;
  readonly operation: Operation;
  /** Members that cannot be honoured; empty: everything can. */
  gaps(request: ChatRequest | EmbeddingRequest, deployment: DeploymentView): readonly CapabilityGap[];
  /** Advisory members of the request that are not sent, to be named in `AIP-Ignored`. */
  ignored(request: ChatRequest | EmbeddingRequest, deployment: DeploymentView): readonly string[];
  cost(request: ChatRequest | EmbeddingRequest, deployment: DeploymentView): CallCost;
  open(call: UpstreamCall): Exchange;
  /** Never throws. `body`: the parsed body of a refusal, else undefined. */
  limits(status: number, headers: HeaderView, body: unknown, nowMs: number): readonly LimitObservation[];
  /** An unbilled request that proves name, TLS and credential; null when the vendor has none. */
  probe(deployment: DeploymentView): ProbeRequest | null;
}
