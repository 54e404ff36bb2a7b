import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { AccessChanges } from './access-changes.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { AccessGuard } from './access.guard.js';
import { KeysController } from './api/keys.controller.js';
import { OrganisationController } from './api/organisation.controller.js';
import { UsersController } from './api/users.controller.js';
import { WellKnownController } from './api/well-known.controller.js';
import { IdentityService } from './identity.service.js';
import { KeysService } from './keys.service.js';
import { LocalIssuer } from './local-issuer.js';
import { DirectoryRepository } from './persistence/directory.repository.js';
import { IDENTITY_ENTITIES } from './persistence/entities.js';
import { KeysRepository } from './persistence/keys.repository.js';
import { UsersRepository } from './persistence/users.repository.js';
import { UsersService } from './users.service.js';

/** Who calls, and the one global guard. */
@Module({
  imports: [TypeOrmModule.forFeature(IDENTITY_ENTITIES), AuditModule],
  controllers: [OrganisationController, UsersController, KeysController, WellKnownController],
  providers: [
    UsersRepository,
    KeysRepository,
    DirectoryRepository,
    LocalIssuer,
    AccessTokenStrategy,
    AccessChanges,
    IdentityService,
    UsersService,
    KeysService,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [IdentityService, UsersService, KeysService],
})
export class IdentityModule {}
