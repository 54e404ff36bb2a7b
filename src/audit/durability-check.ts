import { Injectable } from '@nestjs/common';

import { AuditConfig, ServerConfig } from '../platform/config/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { AuditLogRepository } from './persistence/audit-log.repository.js';

/** The database confirms what a crash may take back. */
export class DurabilityError extends Error {
  override readonly name = 'DurabilityError';
}

/** In production and with strict durability, a database that may lose confirmed records is refused. */
@Injectable()
export class DurabilityCheck {
  #passed = false;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: AuditLogRepository,
    private readonly config: AuditConfig,
    private readonly server: ServerConfig,
  ) {}

  /** Asks once. @throws DurabilityError — names the setting and how to mend it */
  async require(): Promise<void> {
    if (this.#passed || this.config.durability !== 'strict' || !this.server.production) return;
    const lax = await this.unitOfWork.read((tx) => this.repository.findLaxSettings(tx));
    if (lax.length > 0) {
      throw new DurabilityError(
        `PostgreSQL runs with ${lax.map((name) => `${name}=off`).join(' and ')}: a crash would lose confirmed records. ` +
          `Switch ${lax.join(' and ')} on, or measure with AIP_DURABILITY=relaxed`,
      );
    }
    this.#passed = true;
  }
}
