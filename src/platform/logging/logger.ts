import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

import { type Clock, formatInstant } from '../clock/index.js';

/** Lines are written together: when so many bytes wait, or so much time is over. */
const BUFFERED_BYTES = 8 * 1024;
const FLUSH_MS = 100;

/** JSON lines on stderr: stdout belongs to what a person reads. What may be logged is typed (`RequestLogFacts`): no header, body or
 *  credential is among it, so there is nothing to redact. */
export function createLogger(level: 'info' | 'warn' | 'error' | 'silent', clock: Clock): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"at":"${formatInstant(clock.nowMs())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    // A line per request is a write per request unless lines wait for each other; at the end of the process none is left behind.
    pino.destination({ dest: 2, sync: false, minLength: BUFFERED_BYTES, periodicFlush: FLUSH_MS }),
  );
}

/** Nest's own messages through the same logger. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ event: 'nest', context, message });
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.logger.error({ event: 'nest', context, message, stack });
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ event: 'nest', context, message });
  }
}
