import { Injectable, type OnModuleInit } from '@nestjs/common';

import { PricesService } from '../prices.service.js';

/** Loads the seed catalogue at start. Replicas that start at once load it once. */
@Injectable()
export class CatalogueJob implements OnModuleInit {
  constructor(private readonly prices: PricesService) {}

  /** A replica without prices would refuse every call: it does not start. */
  async onModuleInit(): Promise<void> {
    await this.prices.loadCatalogue();
  }
}
