import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig, ServerConfig } from '../platform/config/index.js';
import { AppError } from '../platform/errors/index.js';
import { InjectLogger, type Logger } from '../platform/logging/index.js';
import { ReplicaService } from '../platform/replica/index.js';
import { canonical } from './domain/canonical.js';

/** Who writes, and when: for lane rows and records; and whether anything may be written at all. */
@Injectable()
export class AuditWriter {
  readonly identity: { readonly replica: string; readonly bootId: string; readonly durability: 'strict' | 'relaxed' };
  /** Release of this software. */
  readonly version: string;
  readonly content: 'store' | 'digest';
  readonly #checkpoints = new Map<number, { readonly size: number; readonly text: string }>();
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

  /** Takes note of a log's newest checkpoint; a smaller one than before ends all writing: the log went back. */
  sawCheckpoint(logId: number, { size, root }: { readonly size: number; readonly root: string }): void {
    const known = this.#checkpoints.get(logId);
    if (known !== undefined && size < known.size)
      this.stop(`the newest checkpoint of log ${String(logId)} fell from ${String(known.size)} to ${String(size)}`);
    else if (size !== known?.size) this.#checkpoints.set(logId, { size, text: canonical({ root, size }) });
  }

  /** The newest checkpoint seen of a log, as records name it. */
  checkpointOf(logId: number): string | undefined {
    return this.#checkpoints.get(logId)?.text;
  }

  /** Why all writing has ended, if it has. */
  get stopReason(): string | undefined {
    return this.#stopReason;
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
