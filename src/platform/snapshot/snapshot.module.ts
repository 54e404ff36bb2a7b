import { Global, Module } from '@nestjs/common';

import { ConfigSnapshots } from './config-snapshots.js';
import { ConfigListener } from './persistence/config-listener.js';

@Global()
@Module({ providers: [ConfigListener, ConfigSnapshots], exports: [ConfigSnapshots] })
export class SnapshotModule {}
