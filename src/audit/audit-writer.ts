import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig, ServerConfig } from '../platform/config/index.js';
import { ReplicaService } from '../platform/replica/index.js';

/** Who writes, and when: for lane rows and records. */
@Injectable()
export class AuditWriter {
  readonly identity: { readonly replica: string; readonly bootId: string; readonly durability: 'strict' | 'relaxed' };
  /** Release of this software. */
  readonly version: string;

  constructor(
    replica: ReplicaService,
    config: AuditConfig,
    server: ServerConfig,
    private readonly clock: Clock,
  ) {
    this.identity = { replica: replica.id, bootId: replica.bootId, durability: config.durability };
    this.version = server.version;
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  nowMicros(): number {
    return this.clock.nowMicros();
  }
}
