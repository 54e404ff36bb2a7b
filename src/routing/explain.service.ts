import { Injectable } from '@nestjs/common';

import { estimateRequest } from '../metering/index.js';
import { Clock } from '../platform/clock/index.js';
import { GatewayConfig } from '../platform/config/index.js';
import { AppError } from '../platform/errors/index.js';
import { newId } from '../platform/ids/index.js';
import type { Money } from '../platform/money/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { RoutingWish } from './domain/route-request.js';
import { RoutingService } from './routing.service.js';

/** A request whose route is asked for. */
export interface ExplainRequest {
  readonly operation: 'chat' | 'embeddings';
  readonly model: string;
  readonly models: readonly string[];
  readonly request: Readonly<Record<string, unknown>>;
  readonly inputTokens?: number | undefined;
  readonly outputBound?: number | undefined;
  readonly maxCost?: Money | undefined;
  readonly classification?: string | undefined;
  readonly routing: RoutingWish;
}

/** Explains routes without calling anybody. */
@Injectable()
export class ExplainService {
  constructor(
    private readonly routing: RoutingService,
    private readonly snapshots: ConfigSnapshots,
    private readonly config: GatewayConfig,
    private readonly clock: Clock,
  ) {}

  /** The record that such a request would leave now; for a request that nobody may serve `{ refused: { code, message,
   *  rejected } }`. @throws AppError model_not_found, model_forbidden, invalid_value */
  explain(principal: Principal, input: ExplainRequest): Record<string, unknown> {
    const estimate = estimateRequest(input.request);
    const inputTokens = input.inputTokens ?? estimate.tokens;
    try {
      const decision = this.routing.plan({
        requestId: newId(),
        snapshot: this.snapshots.current(),
        principal,
        operation: input.operation,
        request: input.request,
        model: input.model,
        fallbackModels: input.models,
        wish: { ...input.routing, maxCost: input.maxCost, classification: input.classification },
        facts: {
          inputTokens,
          inputBound: input.inputTokens ?? estimate.bound,
          outputBound: input.outputBound ?? this.config.defaultOutputBound,
          outputNamed: input.outputBound !== undefined,
        },
        atMs: this.clock.nowMs(),
        seed: 0,
      });
      return JSON.parse(decision.digest().body.toString('utf8')) as Record<string, unknown>;
    } catch (error) {
      if (!(error instanceof AppError) || error.facts.aip === undefined) throw error;
      return { refused: { code: error.code, message: error.message, ...error.facts.aip } };
    }
  }
}
