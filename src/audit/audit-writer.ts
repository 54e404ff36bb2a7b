import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig, ServerConfig } from '../platform/config/index.js';
import { AppError } from '../platform/errors/index.js';
import { InjectLogger, type Logger } from '../platform/logging/index.js';
import { ReplicaService } from '../platform/replica/index.js';

/** Who writes, and when: for lane rows and records; and whether anything may be written at all. */
@Injectable()
export class AuditWriter {
  readonly identity: { readonly replica: string; readonly bootId: string; readonly durability: 'strict' | 'relaxed' };
  /** Release of this software. */
  readonly version: string;
  readonly content: 'store' | 'digest';
  #stopReason: string | undefined;

  constructor(
    replica: ReplicaService,
    config: AuditConfig,
    server: ServerConfig,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {
    this.identity = { replica: replica.id, bootId: replica.bootId, durability: config.durability };
    this.version = server.version;
    this.content = config.content;
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  nowMicros(): number {
    return this.clock.nowMicros();
  }

  /** Ends all writing of this process: a log whose database went back must not be continued. */
  stop(reason: string): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = reason;
    this.logger.error({ event: 'audit_safe_stop', reason });
  }

  /** @throws AppError audit_safe_stop — after {@link stop} */
  requireRunning(): void {
    if (this.#stopReason === undefined) return;
    throw new AppError(
      'audit_safe_stop',
      'The evidence log has stopped: its database is behind what it had confirmed. Check whether a backup was restored, then restart.',
      { detail: this.#stopReason },
    );
  }
}
