/** Generated text of one chunk. */
export interface GeneratedText {
  readonly textBytes: number;
  readonly reasoningBytes: number;
  /** UTF-16 code units of both. */
  readonly characters: number;
}

interface DeltaLike {
  readonly content?: unknown;
  readonly refusal?: unknown;
  readonly reasoning_content?: unknown;
  readonly tool_calls?: unknown;
  readonly audio?: unknown;
}

const NOTHING: GeneratedText = Object.freeze({ textBytes: 0, reasoningBytes: 0, characters: 0 });

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function toolText(calls: unknown): string {
  if (!Array.isArray(calls)) return '';
  let text = '';
  for (const call of calls as readonly ({ function?: { name?: unknown; arguments?: unknown } } | null)[]) {
    text += textOf(call?.function?.name) + textOf(call?.function?.arguments);
  }
  return text;
}

/** Counts what a chunk brought, for usage that nobody reports: answer, refusal and tool calls as text, reasoning beside it. */
export function generatedText(chunk: { readonly choices?: readonly { readonly delta?: unknown }[] }): GeneratedText {
  const { choices } = chunk;
  if (choices === undefined || choices.length === 0) return NOTHING;
  let text = '';
  let reasoning = '';
  for (const choice of choices) {
    const delta = (choice.delta ?? {}) as DeltaLike;
    text += textOf(delta.content) + textOf(delta.refusal) + toolText(delta.tool_calls);
    reasoning += textOf(delta.reasoning_content);
  }
  return {
    textBytes: text === '' ? 0 : Buffer.byteLength(text),
    reasoningBytes: reasoning === '' ? 0 : Buffer.byteLength(reasoning),
    characters: text.length + reasoning.length,
  };
}
