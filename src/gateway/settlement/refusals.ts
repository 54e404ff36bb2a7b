import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import type { AppError } from '../../platform/errors/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import type { CallTrace } from '../pipeline/call-trace.js';
import { SettlementService } from './settlement.service.js';

const WINDOW_MS = 10_000;
const MAX_WINDOWS = 10_000;

interface Window {
  readonly fromMs: number;
  toMs: number;
  count: number;
  readonly subject: { readonly orgId: string; readonly userId: string; readonly caseId: string | null };
  readonly requestId: string;
  readonly stage: string;
  readonly code: string;
}

/** Records refused calls: the first of a person and code at once, the others of the next ten seconds as one record with their
 *  number. Refusals are a fact of operation, and a flood of them must not become a flood of records. */
@Injectable()
export class Refusals {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly settlement: SettlementService,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Notes a refusal; what cannot be written is logged, for the refusal itself stands. */
  note(trace: CallTrace, error: AppError): void {
    const nowMs = this.clock.nowMs();
    const { principal, requestId } = trace.call;
    const key = `${principal.orgId}|${principal.userId}|${error.code}`;
    const window = this.#windows.get(key);
    if (window !== undefined) {
      window.count += 1;
      window.toMs = nowMs;
      return;
    }
    const subject = { orgId: principal.orgId, userId: principal.userId, caseId: null };
    const rejected = (error.facts.aip?.['rejected'] ?? []) as { provider: string; model: string; reason: string }[];
    this.#write(subject, { requestId, stage: trace.stage, code: error.code, rejected });
    if (this.#windows.size >= MAX_WINDOWS) return;
    this.#windows.set(key, {
      fromMs: nowMs,
      toMs: nowMs,
      count: 0,
      subject,
      requestId,
      stage: trace.stage,
      code: error.code,
    });
    this.clock.after(WINDOW_MS, () => {
      this.#close(key);
    });
  }

  /** Writes what is still collected. */
  flush(): void {
    for (const key of [...this.#windows.keys()]) this.#close(key);
  }

  #close(key: string): void {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    if (window === undefined || window.count === 0) return;
    const { subject, requestId, stage, code, count, fromMs, toMs } = window;
    this.#write(subject, { requestId, stage, code, rejected: [], repeats: { count, fromMs, toMs } });
  }

  #write(...facts: Parameters<SettlementService['recordRefusal']>): void {
    this.settlement.recordRefusal(...facts).catch((error: unknown) => {
      this.logger.warn({
        event: 'refusal_not_recorded',
        code: facts[1].code,
        detail: error instanceof Error ? error.message : '',
      });
    });
  }
}
