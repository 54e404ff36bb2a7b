import { createHash } from 'node:crypto';

import { type BilledTokens } from './bill.js';
import { type ChatPrompt, promptTokens } from './completion.js';

const MIN_TOKENS = 1_024;
const BLOCK_TOKENS = 128;
const MAX_ENTRIES = 8_192;

/** Remembers which prompt beginnings a partner has seen, in blocks of 128 tokens from 1 024 on, the newest 8 192 of them. */
export class PromptCache {
  readonly #seen = new Set<string>();

  /** How many tokens of the prompt's beginning were seen before (0, or ≥ 1 024 in steps of 128); remembers all of it. */
  visit(tokens: readonly string[]): number {
    if (tokens.length < MIN_TOKENS) return 0;
    const hash = createHash('sha256');
    let cached = 0;
    for (let from = 0; from + BLOCK_TOKENS <= tokens.length; from += BLOCK_TOKENS) {
      const until = from + BLOCK_TOKENS;
      hash.update(tokens.slice(from, until).join('\u0000'));
      if (until < MIN_TOKENS) continue;
      const key = hash.copy().digest('base64url');
      if (this.#seen.has(key)) cached = until;
      else this.#remember(key);
    }
    return cached;
  }

  #remember(key: string): void {
    this.#seen.add(key);
    if (this.#seen.size <= MAX_ENTRIES) return;
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** Splits a prompt's `tokens` into what is charged as input, as read from the cache and as written to it; remembers the
 *  prompt. The three add up to the number of tokens. */
export function splitInput(
  prompt: ChatPrompt,
  tokens: readonly string[],
  cache: PromptCache,
): Pick<BilledTokens, 'input' | 'cachedInput' | 'cacheWrite'> {
  const { caching } = prompt;
  if (caching === 'off') return { input: tokens.length, cachedInput: 0, cacheWrite: 0 };
  if (caching === 'automatic') {
    const cachedInput = cache.visit(tokens);
    return { input: tokens.length - cachedInput, cachedInput, cacheWrite: 0 };
  }
  const marked = promptTokens({ turns: prompt.turns.slice(0, caching.throughTurn + 1), tools: [] });
  if (marked.length < MIN_TOKENS) return { input: tokens.length, cachedInput: 0, cacheWrite: 0 };
  const cachedInput = cache.visit(marked);
  return { input: tokens.length - marked.length, cachedInput, cacheWrite: marked.length - cachedInput };
}
