import { formatInstant } from '../../platform/clock/index.js';

import { type SimulatedPartner } from './partners.js';

const MINUTE_MS = 60_000;

/** What is left of a partner's limits in the running minute; whole numbers ≥ 0. */
export interface LimitState {
  readonly requests: { readonly limit: number; readonly remaining: number };
  readonly tokens: { readonly limit: number; readonly remaining: number };
  readonly resetsAtMs: number;
}

/** Counts a partner's requests and tokens per minute of the clock; both start afresh with each minute. */
export class MinuteLimits {
  #windowStartMs = 0;
  #requests = 0;
  #tokens = 0;

  constructor(private readonly limits: SimulatedPartner['limits']) {}

  /** Takes one request and its input tokens, or nothing when either does not fit. Returns whether they were taken. */
  take(nowMs: number, inputTokens: number): boolean {
    this.#roll(nowMs);
    const fits =
      this.#requests + 1 <= this.limits.requestsPerMinute && this.#tokens + inputTokens <= this.limits.tokensPerMinute;
    if (!fits) return false;
    this.#requests += 1;
    this.#tokens += inputTokens;
    return true;
  }

  /** Adds tokens that were generated; they may go beyond the limit and then only delay what follows. */
  addTokens(nowMs: number, tokens: number): void {
    this.#roll(nowMs);
    this.#tokens += tokens;
  }

  /** What is left at this moment. */
  state(nowMs: number): LimitState {
    this.#roll(nowMs);
    const { requestsPerMinute, tokensPerMinute } = this.limits;
    return {
      requests: { limit: requestsPerMinute, remaining: Math.max(0, requestsPerMinute - this.#requests) },
      tokens: { limit: tokensPerMinute, remaining: Math.max(0, tokensPerMinute - this.#tokens) },
      resetsAtMs: this.#windowStartMs + MINUTE_MS,
    };
  }

  #roll(nowMs: number): void {
    const startMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (startMs === this.#windowStartMs) return;
    this.#windowStartMs = startMs;
    this.#requests = 0;
    this.#tokens = 0;
  }
}

/** The limits as OpenAI's headers: times until the reset such as `42.5s` or `120ms`. */
export function openAiLimitHeaders(state: LimitState, nowMs: number): Record<string, string> {
  const leftMs = Math.max(0, state.resetsAtMs - nowMs);
  const reset = leftMs < 1000 ? `${String(leftMs)}ms` : `${String(leftMs / 1000)}s`;
  return {
    'x-ratelimit-limit-requests': String(state.requests.limit),
    'x-ratelimit-remaining-requests': String(state.requests.remaining),
    'x-ratelimit-reset-requests': reset,
    'x-ratelimit-limit-tokens': String(state.tokens.limit),
    'x-ratelimit-remaining-tokens': String(state.tokens.remaining),
    'x-ratelimit-reset-tokens': reset,
  };
}

/** The limits as Anthropic's headers: instants of the reset in RFC 3339, remaining tokens rounded to thousands. */
export function anthropicLimitHeaders(state: LimitState): Record<string, string> {
  const reset = formatInstant(state.resetsAtMs);
  return {
    'anthropic-ratelimit-requests-limit': String(state.requests.limit),
    'anthropic-ratelimit-requests-remaining': String(state.requests.remaining),
    'anthropic-ratelimit-requests-reset': reset,
    'anthropic-ratelimit-tokens-limit': String(state.tokens.limit),
    'anthropic-ratelimit-tokens-remaining': String(Math.floor(state.tokens.remaining / 1000) * 1000),
    'anthropic-ratelimit-tokens-reset': reset,
  };
}
