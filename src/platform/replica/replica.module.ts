import { Global, Module } from '@nestjs/common';

import { ReplicaRepository } from './persistence/replica.repository.js';
import { ReplicaService } from './replica.service.js';

@Global()
@Module({ providers: [ReplicaRepository, ReplicaService], exports: [ReplicaService] })
export class ReplicaModule {}
