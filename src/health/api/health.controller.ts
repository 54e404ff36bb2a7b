import { Controller, Get, Res } from '@nestjs/common';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';

import { Public } from '../../platform/security/index.js';
import { RoutingService } from '../../routing/index.js';
import { Readiness } from '../readiness.js';

/** One partner's deployment as operators see it. */
interface PartnerHealth {
  readonly provider: string;
  readonly model: string;
  readonly breaker: string;
  readonly inFlight: number;
  /** What attempts and probes of late say. */
  readonly health: string;
}

@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
    private readonly routing: RoutingService,
  ) {}

  /** The process answers. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** The start sequence is complete. */
  @Get('startup')
  startup(@Res({ passthrough: true }) reply: FastifyReply): { status: 'ok' | 'starting' } {
    if (this.readiness.started) return { status: 'ok' };
    void reply.status(503);
    return { status: 'starting' };
  }

  /** A paid call would be admitted now. 503 with the reason otherwise. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult | object> {
    try {
      return await this.health.check([
        () => this.readiness.checkLedger(),
        () => this.readiness.checkConfiguration(),
        () => this.readiness.checkPartners(),
      ]);
    } catch (error) {
      // Terminus throws its own 503 with the details: answered as they are, this is no problem document.
      const details = (error as { getResponse?: () => object }).getResponse?.();
      if (details === undefined) throw error;
      void reply.status(503).header('retry-after', '5');
      return details;
    }
  }

  /** Breakers and load of every deployment; never part of readiness. */
  @Get('providers')
  providers(): { data: readonly PartnerHealth[]; degraded: readonly string[] } {
    return {
      degraded: this.routing.degraded(),
      data: this.routing.capacity().map(({ deployment, breaker, inFlight, health }) => ({
        provider: deployment.providerName,
        model: deployment.model,
        breaker,
        inFlight,
        health,
      })),
    };
  }
}
