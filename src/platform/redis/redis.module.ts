import { Global, Module } from '@nestjs/common';

import { SharedStore } from './shared-store.js';

@Global()
@Module({ providers: [SharedStore], exports: [SharedStore] })
export class RedisModule {}
