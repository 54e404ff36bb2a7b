import type { IncomingCall } from './incoming-call.js';

/** What a call may produce at most, and which models may answer beside the one that was named. */
export interface RequestBounds {
  /** Output tokens per choice; 0 for operations without output. */
  readonly outputBound: number;
  /** The caller named the bound. */
  readonly outputNamed: boolean;
  readonly fallbackModels: readonly string[];
}

/** Reads the bounds of a call; `standard` stands in when the caller names no maximum. */
export function requestBounds(call: IncomingCall, standard: number): RequestBounds {
  if (call.operation === 'embeddings') return { outputBound: 0, outputNamed: true, fallbackModels: [] };
  const { max_completion_tokens: modern, max_tokens: old, models } = call.request;
  const named = modern ?? old ?? null;
  return {
    outputBound: named ?? standard,
    outputNamed: named !== null,
    fallbackModels: (models as string[] | undefined) ?? [],
  };
}
