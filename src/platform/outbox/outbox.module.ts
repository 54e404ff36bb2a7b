import { Global, Module } from '@nestjs/common';

import { OutboxRepository } from './persistence/outbox.repository.js';

@Global()
@Module({ providers: [OutboxRepository], exports: [OutboxRepository] })
export class OutboxModule {}
