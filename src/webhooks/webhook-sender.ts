import { Injectable } from '@nestjs/common';
import { Client } from 'undici';

import { Clock } from '../platform/clock/index.js';
import { WebhooksConfig } from '../platform/config/index.js';
import { checkedConnector, ConnectionRefusedByGuard, parseCidr, type Cidr } from '../providers/index.js';
import { receiverJudge } from './domain/receiver-url.js';

/** Everything from the connection to the end of the answer. Source: wire contract §5. */
const TIMEOUT_MS = 15_000;
/** Of an answer, of which only the status is of interest. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const USER_AGENT = 'ai-partners-webhooks/1';

/** What came back. `error` is null for 2xx only; `status` is null when no answer came. */
export interface SendResult {
  readonly status: number | null;
  readonly error: string | null;
  /** What the receiver asked for in `Retry-After`; 0: nothing. */
  readonly retryAfterMs: number;
}

/** Posts one message to one receiver: every address is checked before it is connected to, nothing is followed, nothing is read
 *  beyond a limit. */
@Injectable()
export class WebhookSender {
  readonly allowed: readonly Cidr[];
  readonly #running = new Set<AbortController>();

  constructor(
    config: WebhooksConfig,
    private readonly clock: Clock,
  ) {
    this.allowed = config.allowCidrs.flatMap((text) => parseCidr(text) ?? []);
  }

  /** Breaks off what is under way. */
  stop(): void {
    for (const one of this.#running) one.abort();
  }

  /** Never throws: whatever happens is a result. */
  async send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<SendResult> {
    const target = new URL(url);
    const client = new Client(target.origin, {
      connect: checkedConnector(receiverJudge(this.allowed)),
      pipelining: 1,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
    const deadline = new AbortController();
    this.#running.add(deadline);
    const cancel = this.clock.after(TIMEOUT_MS, () => {
      deadline.abort();
    });
    try {
      const answer = await client.request({
        method: 'POST',
        path: target.pathname + target.search,
        headers: { ...headers, 'user-agent': USER_AGENT },
        body,
        signal: deadline.signal,
      });
      // The status decides; an answer that is too long or breaks off takes nothing back.
      await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal: deadline.signal }).catch(() => undefined);
      return resultOf(answer.statusCode, answer.headers['retry-after'], this.clock.nowMs());
    } catch (error) {
      return { status: null, error: deadline.signal.aborted ? 'timeout' : reasonOf(error), retryAfterMs: 0 };
    } finally {
      cancel();
      this.#running.delete(deadline);
      await client.destroy().catch(() => undefined);
    }
  }
}

function resultOf(status: number, retryAfter: string | string[] | undefined, nowMs: number): SendResult {
  if (status >= 200 && status < 300) return { status, error: null, retryAfterMs: 0 };
  const error = status >= 300 && status < 400 ? 'redirect: not followed' : `status ${String(status)}`;
  return { status, error, retryAfterMs: retryAfterMs(typeof retryAfter === 'string' ? retryAfter : '', nowMs) };
}

/** Source: RFC 9110 §10.2.3: seconds or a date. Attacker-controlled. */
function retryAfterMs(text: string, nowMs: number): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}

/** A word for the delivery log, never a body or an address of ours. */
function reasonOf(error: unknown): string {
  if (error instanceof ConnectionRefusedByGuard) return `refused: ${error.message}`;
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code.toLowerCase() : 'connection failed';
}
