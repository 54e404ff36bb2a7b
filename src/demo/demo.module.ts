import { Module } from '@nestjs/common';

import { CasesModule } from '../cases/index.js';
import { IdentityModule } from '../identity/index.js';
import { MeteringModule } from '../metering/index.js';
import { ProvidersModule } from '../providers/index.js';
import { SimulationController } from './api/simulation.controller.js';
import { DemoSeeds } from './demo-seeds.js';
import { DemoService } from './demo.service.js';
import { DemoSettings } from './demo-settings.js';
import { OrganisationSeed } from './seed/organisation.js';
import { PartnersSeed } from './seed/partners.js';
import { SimulationService } from './simulation.service.js';

@Module({
  imports: [CasesModule, IdentityModule, MeteringModule, ProvidersModule],
  controllers: [SimulationController],
  providers: [DemoService, DemoSeeds, DemoSettings, OrganisationSeed, PartnersSeed, SimulationService],
  exports: [DemoService],
})
export class DemoModule {}
