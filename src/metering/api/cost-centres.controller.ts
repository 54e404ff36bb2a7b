import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import type { CostCentreMember } from '../persistence/cost-centre.repository.js';
import { CostCentresService } from '../statements/cost-centres.service.js';
import { costCentresInput } from './statement.input.js';

@ApiTags('statements')
@ApiBearerAuth()
@Controller('api/cost-centres')
export class CostCentresController {
  constructor(private readonly costCentres: CostCentresService) {}

  @Get()
  @RequirePermission('report:export', 'price:write')
  @ApiOperation({ summary: 'Which cost centre pays for which team or investigation' })
  async list(@CurrentPrincipal() principal: Principal): Promise<{ readonly data: readonly CostCentreMember[] }> {
    return { data: await this.costCentres.findAll(principal) };
  }

  @Put()
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Say which cost centre pays; those that are not named stay as they are' })
  async assign(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: costCentresInput }) { assignments }: z.output<typeof costCentresInput>,
  ): Promise<{ readonly data: readonly CostCentreMember[] }> {
    await this.costCentres.assign(principal, assignments);
    return { data: await this.costCentres.findAll(principal) };
  }
}
