import { Injectable } from '@nestjs/common';

import { OrganisationSeed } from './seed/organisation.js';
import { PartnersSeed } from './seed/partners.js';
import { SimulationService } from './simulation.service.js';

/** The parts the demo is made of. */
@Injectable()
export class DemoSeeds {
  constructor(
    readonly organisation: OrganisationSeed,
    readonly partners: PartnersSeed,
    readonly simulation: SimulationService,
  ) {}
}
