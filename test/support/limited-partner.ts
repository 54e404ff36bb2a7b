import { answerStatus, chatEvents, ScriptedUpstream, type Script } from './scripted-upstream.js';

/** What a partner with limits does. */
export interface PartnerLimits {
  /** Requests per window and key. */
  readonly requests: number;
  readonly windowMs: number;
  /** Answers at once; more are refused with a bare 429. Absent: any number. */
  readonly concurrent?: number;
  /** Milliseconds an answer takes. */
  readonly answerMs?: number;
  /** False: nothing is said about limits. */
  readonly tells?: boolean;
}

/** One key in one window, as the partner counts. */
export interface KeyWindow {
  readonly key: string;
  readonly startMs: number;
  readonly count: number;
}

/** A partner that counts requests per key in windows of the clock, tells of it in headers as OpenAI-compatible vendors do, and
 *  refuses what is above with 429. Its own count is what others are compared with. */
export class LimitedPartner {
  readonly upstream: ScriptedUpstream;
  refused = 0;
  served = 0;
  running = 0;
  most = 0;
  readonly windows = new Map<string, KeyWindow>();

  constructor(public limits: PartnerLimits) {
    this.upstream = new ScriptedUpstream(this.#answer);
  }

  get url(): string {
    return this.upstream.url;
  }

  async start(): Promise<this> {
    await this.upstream.start();
    return this;
  }

  stop(): Promise<void> {
    return this.upstream.stop();
  }

  /** Requests of a key that are left in the window that runs now. */
  left(key: string): number {
    return Math.max(0, this.limits.requests - this.#window(key).count);
  }

  readonly #answer: Script = async (request, response) => {
    const key = String(request.headers.authorization);
    const window = this.#window(key);
    const { requests, concurrent = Infinity, answerMs = 0 } = this.limits;
    const isOver = window.count >= requests;
    if (isOver || this.running >= concurrent) {
      this.refused += 1;
      const error = { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' } };
      await answerStatus(429, error, isOver ? this.#headers(key) : {})(request, response);
      return;
    }
    this.windows.set(key, { ...window, count: window.count + 1 });
    this.served += 1;
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    const headers = this.#headers(key);
    if (answerMs > 0) await new Promise((resolve) => setTimeout(resolve, answerMs));
    this.running -= 1;
    response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    response.end(chatEvents().join(''));
  };

  #window(key: string): KeyWindow {
    const nowMs = performance.timeOrigin + performance.now();
    const startMs = Math.floor(nowMs / this.limits.windowMs) * this.limits.windowMs;
    const known = this.windows.get(key);
    if (known?.startMs === startMs) return known;
    const fresh = { key, startMs, count: 0 };
    this.windows.set(key, fresh);
    return fresh;
  }

  #headers(key: string): Record<string, string> {
    if (this.limits.tells === false) return {};
    const { startMs, count } = this.#window(key);
    const leftMs = Math.ceil(startMs + this.limits.windowMs - (performance.timeOrigin + performance.now()));
    return {
      'x-ratelimit-limit-requests': String(this.limits.requests),
      'x-ratelimit-remaining-requests': String(this.limits.requests - count),
      'x-ratelimit-reset-requests': `${String(leftMs)}ms`,
    };
  }
}
