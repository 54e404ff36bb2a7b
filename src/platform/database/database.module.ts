import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { dataSourceOptions } from './data-source.js';
import { GroupCommits } from './group-commits.js';
import { UnitOfWork } from './unit-of-work.js';

/** One pool with the application's rights, and the unit of work over it. */
@Global()
@Module({})
export class DatabaseModule {
  static forRoot(settings: { readonly url: string; readonly poolSize: number }): DynamicModule {
    const options = dataSourceOptions({ ...settings, role: 'aip_app' });
    return {
      module: DatabaseModule,
      imports: [TypeOrmModule.forRoot({ ...options, autoLoadEntities: true, retryAttempts: 0 })],
      providers: [GroupCommits, UnitOfWork],
      exports: [GroupCommits, UnitOfWork],
    };
  }
}
