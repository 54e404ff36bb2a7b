import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';

import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { GenerationsService, type GenerationView } from '../generations.service.js';
import { ModelsService, type ModelEntry, type ModelList } from '../models.service.js';

@ApiTags('OpenAI')
@ApiBearerAuth()
@Controller('v1')
export class GenerationsController {
  constructor(
    private readonly generations: GenerationsService,
    private readonly models: ModelsService,
  ) {}

  @Get('generations/:requestId')
  @RequirePermission('usage:read', 'usage:read:team', 'usage:read:all')
  @ApiOperation({ summary: 'One finished call explained: attempts, rejected candidates, ledger entries, receipts' })
  find(@CurrentPrincipal() principal: Principal, @Param('requestId') requestId: string): Promise<GenerationView> {
    return this.generations.find(principal, requestId);
  }

  @Get('models')
  @RequirePermission('chat:write')
  @ApiOperation({ summary: 'Models this credential may use, with auto and every auto/<task>' })
  list(@CurrentPrincipal() principal: Principal): ModelList {
    return this.models.list(principal);
  }

  @Get('models/*')
  @RequirePermission('chat:write')
  @ApiOperation({ summary: 'One model' })
  model(@CurrentPrincipal() principal: Principal, @Param('*') name: string): ModelEntry {
    return this.models.find(principal, name);
  }
}
