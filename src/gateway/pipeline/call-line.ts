import { Injectable } from '@nestjs/common';

import type { Hold } from '../../budgets/index.js';
import { CasesService } from '../../cases/index.js';
import { Clock } from '../../platform/clock/index.js';
import { GatewayConfig } from '../../platform/config/index.js';
import { AppError } from '../../platform/errors/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { choicesOf, ProvidersService, TornStreamError, type ProviderCall } from '../../providers/index.js';
import { QuotasService } from '../../quotas/index.js';
import { RoutingService } from '../../routing/index.js';
import type { IncomingCall } from '../domain/incoming-call.js';
import type { CallStatus } from '../settlement/call-records.js';
import type { OpenCall } from '../settlement/open-call.js';
import type { EndedCall } from '../settlement/open-request.js';
import { SettlementService } from '../settlement/settlement.service.js';
import { callPlaces, callRules, heldPlan } from './call-rules.js';
import { CallPlacement } from './call-placement.js';
import type { CallTrace } from './call-trace.js';
import { completionOf } from './completion.js';
import { HoldCover } from './hold-cover.js';
import { PseudonymKey } from './pseudonym-key.js';
import type { Rendering } from './rendering.js';
import { admitRequest, callInput, frameOf, oneCurrency, worstTokens } from './stage-inputs.js';

/** How an answer ended, as far as the delivery knows. */
interface Delivery {
  status: CallStatus;
  http: number | null;
}

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
    private readonly placement: CallPlacement,
    private readonly surroundings: CallSurroundings,
  ) {}

  /** Yields the bytes of the answer. The last part, with a stream's finish or the whole body, comes only after the outcome is
   *  durable. A throw before the first part is a refusal; {@link TornStreamError} after it a broken answer. `trace` tells what
   *  became known on the way.
   *  @throws AppError with the code of the stage that refused */
  async *run(
    call: IncomingCall,
    trace: CallTrace,
    rendering: Rendering,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const { clock, snapshots, config, pseudonyms } = this.surroundings;
    const frame = frameOf(call, { snapshot: snapshots.current(), atMs: clock.nowMs() }, config);

    const charge = this.cases.authoriseCharge(call.principal, call.wish, frame.snapshot);
    const exhibits = await this.cases.resolveExhibits(charge);

    trace.stage = 'quotas';
    using admission = this.quotas.admit(charge.attribution, call.principal, admitRequest(frame));
    trace.admission = admission;

    trace.stage = 'routing';
    const { attribution } = charge;
    const { criticality } = admission;
    using place = await this.placement.place(frame, { attribution, criticality, trace, signal });
    const { decision } = place;
    const policy = this.routing.policyOf(charge.attribution.orgId, frame.snapshot);
    const plan = oneCurrency(decision.attempts);
    const standing = { orgId: charge.attribution.orgId, criticality, choices: choicesOf(call.request) };
    const rules = callRules(policy, standing, plan);

    trace.stage = 'budgets';
    await using open = await this.settlement.open({
      call,
      charge,
      snapshot: frame.snapshot,
      decision,
      plan: heldPlan(plan, rules),
      inputTokens: frame.size.tokens,
      outputBound: frame.bounds.outputBound,
      criticality,
      exhibits: exhibits.map(({ sha256 }) => sha256),
      deadlineAtMs: frame.deadlineAtMs,
      worstTokens: worstTokens(frame, rules),
    });
    trace.dispatching(open.opened);

    const cover = new HoldCover(open.opened, rules, this.settlement, clock);
    const { covers } = cover;
    const endUser = pseudonyms.of(charge.attribution.userId);
    const load = { inputTokens: frame.size.tokens, criticality, claim: place.claim };
    const jurisdictions = callPlaces(policy, call.wish.routing.jurisdictions);
    const upstream = this.providers.call(
      callInput(frame, open.opened, { endUser, rules, jurisdictions, load, covers }),
      signal,
    );
    trace.upstream = upstream;
    const delivery: Delivery = { status: 'client_closed', http: null }; // What holds when the consumer stops in the middle.
    try {
      yield* deliver(upstream, { rendering, trace, delivery, cover, signal });
    } finally {
      // Last chunk, error or hang-up alike: usage, spending and outcome in one durable transaction.
      await this.#settle(open, { trace, rendering, delivery, hold: await cover.close() });
      admission.correct(trace.charged?.tokens ?? 0, upstream.served?.model);
    }
    yield rendering.complete(completionOf(trace, call.wish.metadata));
  }

  async #settle(
    open: OpenCall<EndedCall>,
    {
      trace,
      rendering,
      delivery,
      hold,
    }: {
      readonly trace: CallTrace;
      readonly rendering: Rendering;
      readonly delivery: Delivery;
      readonly hold: Hold;
    },
  ): Promise<void> {
    const attempts = trace.upstream?.attempts ?? [];
    const { status, http } = delivery;
    trace.stage = 'settlement';
    trace.charged = this.settlement.charge(open.opened, attempts);
    trace.outcomeReceipt = await open.settle({
      attempts,
      hold,
      end: {
        status: attempts.length === 0 ? 'not_sent' : status,
        http,
        finish: status === 'ok' ? rendering.finish : null,
        overheadMs: trace.overheadMs(),
        ttfbMs: trace.ttfbMs,
        totalMs: trace.elapsedMs(),
      },
      response: status === 'failed' ? Buffer.alloc(0) : rendering.response(),
      describe: (charged) => trace.describe(charged),
    });
  }
}

/** Hands on what the partner sends, and notes how it ended. */
async function* deliver(
  upstream: ProviderCall,
  run: {
    readonly rendering: Rendering;
    readonly trace: CallTrace;
    readonly delivery: Delivery;
    readonly cover: HoldCover;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array, void> {
  const { rendering, trace, delivery, cover, signal } = run;
  try {
    for await (const batch of upstream) {
      cover.serving(upstream);
      const part = rendering.take(batch);
      if (part === undefined) continue;
      trace.ttfbMs ??= trace.elapsedMs();
      yield part;
    }
    delivery.status = 'ok';
    delivery.http = 200;
  } catch (error) {
    if (!signal.aborted) delivery.status = error instanceof TornStreamError ? 'torn' : 'failed';
    delivery.http = error instanceof AppError ? error.entry.status : null;
    throw error;
  }
}
