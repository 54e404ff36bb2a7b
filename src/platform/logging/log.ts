import { Global, Inject, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';

const LOGGER = Symbol('logger');

/** Injects the process's logger. */
export const InjectLogger = (): ParameterDecorator => Inject(LOGGER);

/** Offers one logger to all modules. */
@Global()
@Module({})
export class LoggingModule {
  static forRoot(logger: Logger): DynamicModule {
    return { module: LoggingModule, providers: [{ provide: LOGGER, useValue: logger }], exports: [LOGGER] };
  }
}
