/** One part of a message's content; members we do not know are kept. Source: OpenAI API reference, chat completions. */
export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly refusal?: string;
  readonly image_url?: { readonly url: string; readonly detail?: string };
  readonly input_audio?: { readonly data: string; readonly format: string };
  readonly file?: { readonly file_data?: string; readonly file_id?: string; readonly filename?: string };
  readonly [member: string]: unknown;
}

/** A tool call as an assistant message carries it. `arguments` is JSON text. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
  readonly [member: string]: unknown;
}

/** One message of a conversation. Loose: what a client sends beside this is kept. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[] | null;
  readonly tool_call_id?: string;
  readonly refusal?: string | null;
  readonly [member: string]: unknown;
}

/** A function that the model may call. */
export interface Tool {
  readonly type: string;
  readonly function?: {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly strict?: boolean | null;
  };
  readonly [member: string]: unknown;
}

/** `none`, `auto`, `required`, or one named function. */
export type ToolChoice =
  string | { readonly type: string; readonly function?: { readonly name: string }; readonly [member: string]: unknown };

/** Wanted shape of the answer. */
export interface ResponseFormat {
  readonly type: string;
  readonly json_schema?: {
    readonly name?: string;
    readonly description?: string;
    readonly schema?: Readonly<Record<string, unknown>>;
    readonly strict?: boolean | null;
  };
  readonly [member: string]: unknown;
}

/** Body of `POST /v1/chat/completions`. Loose: members we do not know are kept, `null` means absent. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly max_completion_tokens?: number | null;
  readonly max_tokens?: number | null;
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean; readonly [member: string]: unknown } | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly n?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly tools?: readonly Tool[] | null;
  readonly tool_choice?: ToolChoice | null;
  readonly parallel_tool_calls?: boolean | null;
  readonly response_format?: ResponseFormat | null;
  readonly reasoning_effort?: string | null;
  readonly [member: string]: unknown;
}

/** Why a choice ended. Source: OpenAI API reference; `function_call` only from old models. */
export const FINISH_REASONS = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'] as const;

/** One of {@link FINISH_REASONS}. */
export type FinishReason = (typeof FINISH_REASONS)[number];

/** Tokens as OpenAI counts them: totals include cached, cache-written and reasoning tokens. A missing count is absent. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: Readonly<Record<string, number>>;
  readonly completion_tokens_details?: Readonly<Record<string, number>>;
  readonly [member: string]: unknown;
}

/** Piece of a tool call in a stream; pieces with one `index` belong together. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function?: { readonly name?: string; readonly arguments?: string };
  readonly [member: string]: unknown;
}

/** What one chunk adds to a choice. */
export interface ChatDelta {
  readonly role?: string;
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[];
  readonly function_call?: { readonly name?: string; readonly arguments?: string };
  readonly [member: string]: unknown;
}

/** Token probabilities of one choice or chunk. */
export interface Logprobs {
  readonly content: readonly unknown[] | null;
  readonly refusal: readonly unknown[] | null;
  readonly [member: string]: unknown;
}

/** One choice of a chunk. */
export interface ChunkChoice {
  readonly index: number;
  readonly delta: ChatDelta;
  readonly finish_reason: FinishReason | null;
  readonly logprobs?: Logprobs | null;
  readonly [member: string]: unknown;
}

/** One event of a streamed answer. */
export interface ChatChunk {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  /** Seconds since 1970, whole. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChunkChoice[];
  readonly usage?: Usage | null;
  readonly [member: string]: unknown;
}

/** The assistant's message in a collected answer. */
export interface AnswerMessage {
  readonly role: 'assistant';
  readonly content: string | null;
  readonly refusal: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly function_call?: { readonly name: string; readonly arguments: string };
  readonly [member: string]: unknown;
}

/** One choice of a collected answer. */
export interface ChatChoice {
  readonly index: number;
  readonly message: AnswerMessage;
  readonly finish_reason: FinishReason;
  readonly logprobs: Logprobs | null;
}

/** A collected answer; valid against OpenAI's `CreateChatCompletionResponse`. */
export interface ChatCompletion {
  readonly id: string;
  readonly object: 'chat.completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChatChoice[];
  readonly usage?: Usage;
  readonly [member: string]: unknown;
}
