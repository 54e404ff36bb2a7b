import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { Clock, formatInstant } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';
import { RequirePermission } from '../../platform/security/index.js';
import { formatFault, parseFault, SIMULATED_PARTNERS, type ActiveFault } from '../../providers/index.js';
import { SimulationService } from '../simulation.service.js';

const MAX_SECONDS = 3_600;

const faultInput = z
  .strictObject({
    provider: z.string().min(1).max(100),
    fault: z.string().min(1).max(50),
    seconds: z.int().min(1).max(MAX_SECONDS).default(60),
    ratio: z.number().gt(0).max(1).default(1),
    model: z.string().min(1).max(100).optional(),
  })
  .meta({ id: 'SimulatedFault' });

/** A fault in force. */
interface FaultModel {
  readonly id: string;
  readonly provider: string;
  readonly fault: string;
  readonly model: string | null;
  readonly ratio: number;
  readonly until: string;
}

function toModel({ id, partner, fault, model, ratio, untilMs }: ActiveFault): FaultModel {
  return {
    id: String(id),
    provider: partner,
    fault: formatFault(fault),
    model: model ?? null,
    ratio,
    until: formatInstant(untilMs),
  };
}

function partnerNamed(name: string): (typeof SIMULATED_PARTNERS)[number]['name'] {
  const found = SIMULATED_PARTNERS.find((partner) => partner.name === name);
  if (found !== undefined) return found.name;
  const known = SIMULATED_PARTNERS.map((partner) => partner.name).join(', ');
  throw new AppError('not_found', `There is no simulated partner "${name.slice(0, 100)}". There are ${known}.`);
}

@ApiTags('simulation')
@ApiBearerAuth()
@Controller('api/simulation/faults')
export class SimulationController {
  constructor(
    private readonly simulation: SimulationService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @RequirePermission('system:read', 'system:write')
  @ApiOperation({ summary: 'Faults of simulated partners that are in force' })
  list(): { readonly data: readonly FaultModel[] } {
    return { data: this.simulation.faults.list().map(toModel) };
  }

  @Post()
  @RequirePermission('system:write')
  @ApiOperation({ summary: 'Break a simulated partner for a while' })
  set(@Body({ schema: faultInput }) input: z.output<typeof faultInput>): FaultModel {
    return toModel(
      this.simulation.faults.set({
        partner: partnerNamed(input.provider),
        fault: parseFault(input.fault),
        ratio: input.ratio,
        untilMs: this.clock.nowMs() + input.seconds * 1000,
        ...(input.model === undefined ? {} : { model: input.model }),
      }),
    );
  }

  @Delete()
  @RequirePermission('system:write')
  @ApiOperation({ summary: 'Mend all simulated partners' })
  clearAll(): { readonly cleared: number } {
    return { cleared: this.simulation.faults.clear() };
  }

  @Delete(':provider')
  @RequirePermission('system:write')
  @ApiOperation({ summary: 'Mend a simulated partner' })
  clear(@Param('provider') provider: string): { readonly cleared: number } {
    return { cleared: this.simulation.faults.clear({ partner: partnerNamed(provider) }) };
  }
}
