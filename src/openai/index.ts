export {
  FINISH_REASONS,
  type AnswerMessage,
  type ChatChoice,
  type ChatChunk,
  type ChatCompletion,
  type ChatDelta,
  type ChatMessage,
  type ChatRequest,
  type ChunkChoice,
  type ContentPart,
  type FinishReason,
  type Logprobs,
  type ResponseFormat,
  type Tool,
  type ToolCall,
  type ToolCallDelta,
  type ToolChoice,
  type Usage,
} from './chat.js';
export { ChunkCollector } from './chunk-collector.js';
export type { Embedding, EmbeddingRequest, EmbeddingResponse } from './embedding.js';
export type { ErrorBody } from './error-body.js';
export { DONE, encodeSseData } from './sse-encode.js';
export { SseLimitError, SseParser, type SseEvent } from './sse-parser.js';
