import type { ChatRequest, EmbeddingRequest } from '../../openai/index.js';
import type { Principal } from '../../platform/security/index.js';
import type { CallWish } from './call-wish.js';

interface IncomingBase {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly principal: Principal;
  readonly clientIp: string;
  readonly wish: CallWish;
  /** The body as it came: what the audit record commits to. */
  readonly rawBody: Buffer;
  readonly ignored: readonly string[];
  /** Arrival on the monotonic clock, milliseconds. */
  readonly startedAt: number;
}

/** A chat call that was read and checked, before anything was decided. */
export interface IncomingChat extends IncomingBase {
  readonly operation: 'chat';
  readonly request: ChatRequest;
}

/** An embeddings call that was read and checked. */
export interface IncomingEmbedding extends IncomingBase {
  readonly operation: 'embeddings';
  readonly request: EmbeddingRequest;
}

/** One call of a caller. */
export type IncomingCall = IncomingChat | IncomingEmbedding;
