import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import type { Attribution, Criticality } from '../../platform/security/index.js';
import { CallerGoneError, type AttemptClaim } from '../../providers/index.js';
import { CapacityQueue } from '../../quotas/index.js';
import { RoutingService, type RouteDecision } from '../../routing/index.js';
import type { CallTrace } from './call-trace.js';
import { routeWish, type CallFrame } from './stage-inputs.js';

/** A route with the permit of its first attempt, which is given back when the scope ends without having used it. */
export interface PlacedCall extends Disposable {
  readonly decision: RouteDecision;
  readonly claim: AttemptClaim;
}

/** For whom a call is placed. */
export interface PlacementWish {
  readonly attribution: Attribution;
  readonly criticality: Criticality;
  readonly trace: CallTrace;
  readonly signal: AbortSignal;
}

/** Finds partners for calls: those with room at once, and a place in the fair queue while all are busy. */
@Injectable()
export class CallPlacement {
  constructor(
    private readonly routing: RoutingService,
    private readonly queue: CapacityQueue,
    private readonly clock: Clock,
  ) {
    routing.onFreed(() => {
      queue.wake();
    });
  }

  /** Plans the call; while every candidate is busy it waits and plans again, at most 30 s and within its deadline.
   *  @throws AppError of RoutingService.plan; capacity_shed — it waited too long, or others came first
   *  @throws CallerGoneError — the caller left while it waited */
  async place(frame: CallFrame, { attribution, criticality, trace, signal }: PlacementWish): Promise<PlacedCall> {
    const startMs = trace.elapsedMs();
    const { call, deadlineAtMs } = frame;
    const looked = { found: false };
    const search = this.queue.find({
      waiting: {
        criticality,
        userId: attribution.userId,
        investigationId: attribution.investigationId,
        lane: `${call.operation}|${call.request.model}`,
      },
      attempt: () => {
        const wish = { ...routeWish(frame), atMs: this.clock.nowMs(), deadlineAtMs, criticality };
        const placement = this.routing.place(wish);
        if (placement.kind === 'busy') return { ok: false, refusal: placement.refusal };
        looked.found = true;
        return { ok: true, room: placement };
      },
      deadlineAtMs,
      signal,
    });
    // The first look is made at once: when it finds room, its time is ours and not that of a queue.
    const isAtOnce = looked.found;
    const placed = await search;
    if (!isAtOnce) trace.queuedMs = trace.elapsedMs() - startMs;
    if (placed === undefined) throw new CallerGoneError();
    const { decision, claim } = placed;
    return {
      decision,
      claim,
      [Symbol.dispose]: () => {
        claim[Symbol.dispose]();
      },
    };
  }
}
