import { Global, Module } from '@nestjs/common';

import { ConfigSnapshots } from './config-snapshots.js';

@Global()
@Module({ providers: [ConfigSnapshots], exports: [ConfigSnapshots] })
export class SnapshotModule {}
