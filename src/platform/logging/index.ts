export { InjectLogger, LoggingModule } from './log.js';
export { createLogger, NestLogger } from './logger.js';
export type { Logger } from 'pino';
