import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { ADAPTERS } from './adapters/all-adapters.js';
import { AdapterRegistry } from './adapter-registry.js';
import { DeploymentsController } from './api/deployments.controller.js';
import { ProvidersController } from './api/providers.controller.js';
import { AttemptLauncher } from './attempt-launcher.js';
import { AwsSigner } from './aws-signer.js';
import { CredentialAdmin } from './credential-admin.js';
import { CredentialVault } from './credential-vault.js';
import { DeploymentAdminService } from './deployment-admin.service.js';
import { GoogleTokens } from './google-tokens.js';
import { ModelReferences } from './model-references.js';
import { FinishDrainsJob } from './jobs/finish-drains.job.js';
import { CredentialRepository } from './persistence/credential.repository.js';
import { DeploymentRepository } from './persistence/deployment.repository.js';
import { PROVIDERS_ENTITIES } from './persistence/entities.js';
import { ProviderRepository } from './persistence/provider.repository.js';
import { ProviderRows } from './persistence/provider-rows.js';
import { ProviderAdminService } from './provider-admin.service.js';
import { ProviderChanges } from './provider-changes.js';
import { ProviderProbe } from './provider-probe.js';
import { AttemptPorts, ProvidersService } from './providers.service.js';
import { RequestAuth } from './request-auth.js';
import { SecretBox } from '../platform/secrets/index.js';
import { SimulatedOrigins } from './simulated-origins.js';
import { Transport } from './transport.js';
import { TtftBook } from './ttft-book.js';

@Module({
  imports: [TypeOrmModule.forFeature([...PROVIDERS_ENTITIES]), AuditModule],
  controllers: [ProvidersController, DeploymentsController],
  providers: [
    { provide: AdapterRegistry, useFactory: () => new AdapterRegistry(ADAPTERS) },
    AttemptLauncher,
    AttemptPorts,
    AwsSigner,
    CredentialAdmin,
    CredentialRepository,
    CredentialVault,
    DeploymentAdminService,
    DeploymentRepository,
    FinishDrainsJob,
    GoogleTokens,
    ModelReferences,
    ProviderAdminService,
    ProviderChanges,
    ProviderProbe,
    ProviderRepository,
    ProviderRows,
    ProvidersService,
    RequestAuth,
    SecretBox,
    SimulatedOrigins,
    Transport,
    TtftBook,
  ],
  exports: [ProvidersService, ProviderAdminService, DeploymentAdminService, ModelReferences, SimulatedOrigins],
})
export class ProvidersModule {}
