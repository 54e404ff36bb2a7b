import { Injectable } from '@nestjs/common';

import { CasesService } from '../../cases/index.js';
import { estimateRequest } from '../../metering/index.js';
import { Clock } from '../../platform/clock/index.js';
import { GatewayConfig } from '../../platform/config/index.js';
import { AppError } from '../../platform/errors/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { ProvidersService, toOpenAiUsage, TornStreamError, type TokenUsage } from '../../providers/index.js';
import { QuotasService } from '../../quotas/index.js';
import { RoutingService, type Ranked } from '../../routing/index.js';
import type { ChargedCall } from '../domain/charge-attempts.js';
import type { IncomingCall } from '../domain/incoming-call.js';
import { requestBounds } from '../domain/request-bounds.js';
import type { CallStatus } from '../settlement/call-records.js';
import type { OpenCall } from '../settlement/open-call.js';
import { SettlementService, type EndedCall } from '../settlement/settlement.service.js';
import { PseudonymKey } from './pseudonym-key.js';
import type { CallTrace } from './call-trace.js';
import type { Rendering } from './rendering.js';

const MAX_ATTEMPTS = 4;

/** What the line needs beside the modules. */
@Injectable()
export class CallSurroundings {
  constructor(
    readonly clock: Clock,
    readonly snapshots: ConfigSnapshots,
    readonly config: GatewayConfig,
    readonly pseudonyms: PseudonymKey,
  ) {}
}

/** The line: the order in which the modules are asked, the same for every chargeable call. */
@Injectable()
export class CallLine {
  constructor(
    private readonly cases: CasesService,
    private readonly quotas: QuotasService,
    private readonly routing: RoutingService,
    private readonly settlement: SettlementService,
    private readonly providers: ProvidersService,
    private readonly surroundings: CallSurroundings,
  ) {}

  /** Yields the bytes of the answer. The last part, with a stream's finish or the whole body, comes only after the outcome is
   *  durable. A throw before the first part is a refusal; {@link TornStreamError} after it a broken answer. Take `trace` for what
   *  became known on the way.
   *  @throws AppError with the code of the stage that refused */
  async *run(
    call: IncomingCall,
    trace: CallTrace,
    rendering: Rendering,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const { clock, snapshots, config, pseudonyms } = this.surroundings;
    const snapshot = snapshots.current();
    const deadlineAtMs = clock.nowMs() + (call.wish.timeoutMs ?? config.defaultTimeoutMs);
    const charge = this.cases.authoriseCharge(call.principal, call.wish, snapshot);
    const exhibits = await this.cases.resolveExhibits(charge);
    const size = estimateRequest(call.request);
    const bounds = requestBounds(call, config.defaultOutputBound);

    trace.stage = 'quotas';
    using admission = this.quotas.admit(charge.attribution, call.principal, {
      estimatedTokens: size.tokens + bounds.outputBound,
      model: call.request.model,
      criticality: call.wish.criticality,
      deadlineAtMs,
      snapshot,
      requestId: call.requestId,
    });
    trace.admission = admission;

    trace.stage = 'routing';
    const decision = this.routing.plan({
      requestId: call.requestId,
      snapshot,
      principal: call.principal,
      operation: call.operation,
      request: call.request,
      model: call.request.model,
      fallbackModels: bounds.fallbackModels,
      wish: { ...call.wish.routing, maxCost: call.wish.maxCost, classification: call.wish.classification },
      facts: {
        inputTokens: size.tokens,
        inputBound: size.bound,
        outputBound: bounds.outputBound,
        outputNamed: bounds.outputNamed,
      },
      atMs: clock.nowMs(),
      seed: seedOf(call.requestId),
    });

    trace.stage = 'budgets';
    await using open = await this.settlement.open({
      call,
      charge,
      snapshot,
      decision,
      plan: oneCurrency(decision.attempts),
      inputTokens: size.tokens,
      outputBound: bounds.outputBound,
      criticality: admission.criticality,
      exhibits: exhibits.map(({ sha256 }) => sha256),
      deadlineAtMs,
    });
    trace.opened = open.opened;

    trace.stage = 'providers';
    trace.beforeDispatchMs = trace.elapsedMs();
    const upstream = this.providers.call(
      {
        requestId: call.requestId,
        operation: call.operation,
        request: call.request,
        plan: open.opened.plan.map(({ deployment }) => deployment),
        outputBound: bounds.outputBound,
        endUser: pseudonyms.of(charge.attribution.userId),
        deadlineAtMs,
        maxAttempts: MAX_ATTEMPTS,
        jurisdictions: call.wish.routing.jurisdictions ?? null,
      },
      signal,
    );
    trace.upstream = upstream;
    let status: CallStatus = 'client_closed'; // What holds when the consumer stops in the middle.
    let http: number | null = null;
    try {
      for await (const batch of upstream) {
        const part = rendering.take(batch);
        if (part === undefined) continue;
        trace.ttfbMs ??= trace.elapsedMs();
        yield part;
      }
      status = 'ok';
      http = 200;
    } catch (error) {
      status = signal.aborted ? 'client_closed' : error instanceof TornStreamError ? 'torn' : 'failed';
      http = error instanceof AppError ? error.entry.status : null;
      throw error;
    } finally {
      // Last chunk, error or hang-up alike: usage, spending and outcome in one durable transaction.
      await this.#settle(open, { trace, rendering, status, http });
      admission.correct(trace.charged?.tokens ?? 0, upstream.served?.model);
    }
    trace.ttfbMs ??= trace.elapsedMs();
    yield rendering.complete({
      usage: toOpenAiUsage(usageOf(trace.charged)),
      aip:
        call.wish.metadata === 'full' ? trace.describe() : call.wish.metadata === 'cost' ? costOnly(trace) : undefined,
    });
  }

  async #settle(
    open: OpenCall<EndedCall>,
    facts: {
      readonly trace: CallTrace;
      readonly rendering: Rendering;
      readonly status: CallStatus;
      readonly http: number | null;
    },
  ): Promise<void> {
    const { trace, rendering, status, http } = facts;
    const attempts = trace.upstream?.attempts ?? [];
    trace.stage = 'settlement';
    trace.charged = this.settlement.charge(open.opened, attempts);
    trace.outcomeReceipt = await open.settle({
      attempts,
      end: {
        status: attempts.length === 0 ? 'not_sent' : status,
        http,
        finish: status === 'ok' ? rendering.finish : null,
        overheadMs: trace.overheadMs(),
        ttfbMs: trace.ttfbMs,
        totalMs: trace.elapsedMs(),
      },
      response:
        status === 'ok' || status === 'torn' || status === 'client_closed' ? rendering.response() : Buffer.alloc(0),
      describe: (charged) => trace.describe(charged),
    });
  }
}

/** A plan is held for, charged and compared in one currency: that of its first place. */
function oneCurrency(plan: readonly Ranked[]): readonly Ranked[] {
  return plan.filter(({ quote }) => quote.currency === plan[0]?.quote.currency);
}

/** Draws among equals follow the request: a replay decides alike. */
function seedOf(requestId: string): number {
  return Number.parseInt(requestId.slice(-8), 16) | 0;
}

function usageOf(charged: ChargedCall | undefined): TokenUsage {
  const last = charged?.attempts.at(-1);
  return {
    ...(last?.usage ?? { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 }),
    ...(last === undefined ? {} : { extras: last.extras as never }),
  };
}

function costOnly(trace: CallTrace): Record<string, unknown> {
  const { requestId, provider, answeredModel, cost, attempts } = trace.describe();
  return { requestId, provider, answeredModel, cost, attempts };
}
