import { estimateTokens, inputBound } from './estimate-tokens.js';

/** How large the input of a request is. */
export interface InputEstimate {
  /** Probable tokens; for ranking and quotas. */
  readonly tokens: number;
  /** Most tokens a provider can count; for holds. */
  readonly bound: number;
}

/** Tokens of the largest image any supported vendor bills as input. */
const IMAGE_TOKENS = 5_000;
/** Vendors bill at most 32 tokens per second of sound, and a second has at least 1 000 bytes. */
const AUDIO_TOKENS_PER_BYTE = 0.032;
const MAX_DEPTH = 40;
/** Members that end up in the prompt. */
const INPUT_MEMBERS = ['messages', 'input', 'tools', 'functions', 'response_format', 'instructions', 'prompt'] as const;

class Sizes {
  tokens = 0;
  bytes = 0;
  /** Counted by formula: the same in both sums. */
  media = 0;

  addText(text: string): void {
    this.tokens += estimateTokens(text);
    this.bytes += Buffer.byteLength(text);
  }

  addMedia(tokens: number): void {
    this.media += tokens;
  }
}

/** Sizes the input of a parsed chat or embedding request: every string that reaches the model, member names of schemas
 *  included; images and sound by the vendors' maximum. Attacker-controlled: reads at most 40 levels.
 *  Source: money page §4. */
export function estimateRequest(body: Readonly<Record<string, unknown>>): InputEstimate {
  const sizes = new Sizes();
  for (const member of INPUT_MEMBERS) measure(body[member], sizes, 0);
  const messages = listLength(body['messages']) + listLength(body['input']) + listLength(body['tools']);
  return {
    tokens: sizes.tokens + sizes.media + 4 * messages,
    bound: inputBound(sizes.bytes, messages, sizes.tokens) + sizes.media,
  };
}

function listLength(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function measure(value: unknown, sizes: Sizes, depth: number): void {
  if (typeof value === 'string') sizes.addText(value);
  else if (typeof value === 'number') sizes.addText(String(value));
  else if (Array.isArray(value)) measureList(value, sizes, depth);
  else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    measureObject(value as Readonly<Record<string, unknown>>, sizes, depth);
  }
}

function measureList(list: readonly unknown[], sizes: Sizes, depth: number): void {
  // Token ids of an embedding request: one token each.
  if (typeof list[0] === 'number') {
    sizes.tokens += list.length;
    sizes.bytes += list.length;
    return;
  }
  if (depth < MAX_DEPTH) for (const item of list) measure(item, sizes, depth + 1);
}

function measureObject(object: Readonly<Record<string, unknown>>, sizes: Sizes, depth: number): void {
  if (object['type'] === 'image_url') {
    sizes.addMedia(IMAGE_TOKENS);
    return;
  }
  if (object['type'] === 'input_audio') {
    const { data } = (object['input_audio'] ?? {}) as { readonly data?: unknown };
    sizes.addMedia(Math.ceil((typeof data === 'string' ? data.length * 0.75 : 0) * AUDIO_TOKENS_PER_BYTE));
    return;
  }
  for (const key in object) {
    sizes.addText(key);
    measure(object[key], sizes, depth + 1);
  }
}
