import { Injectable } from '@nestjs/common';

import type { Tx } from '../../platform/database/unit-of-work.js';
import { assembleDeployment } from '../domain/assemble-deployment.js';
import { ProviderDirectory } from '../domain/provider-directory.js';
import { CredentialRepository } from './credential.repository.js';
import { DeploymentRepository } from './deployment.repository.js';
import { ProviderRepository } from './provider.repository.js';

/** The three tables of providers together. */
@Injectable()
export class ProviderRows {
  constructor(
    readonly providers: ProviderRepository,
    readonly deployments: DeploymentRepository,
    readonly credentials: CredentialRepository,
  ) {}

  /** Reads the directory of a snapshot. What is hashed names credentials by id and version, never by their bytes. */
  async loadDirectory(tx: Tx): Promise<{ readonly value: ProviderDirectory; readonly rows: unknown }> {
    const providers = await this.providers.findAll(tx);
    const stored = await this.deployments.findAll(tx);
    const credentials = await this.credentials.findUsable(tx);
    const byId = new Map(providers.map((provider) => [provider.id, provider]));
    const deployments = stored.flatMap((one) => {
      const provider = byId.get(one.providerId);
      return provider === undefined ? [] : [assembleDeployment(provider, one)];
    });
    return {
      value: new ProviderDirectory(
        deployments,
        new Map(credentials.map((one) => [one.id, one])),
        new Map(providers.map(({ id, authHeader }) => [id, authHeader])),
      ),
      rows: { providers, stored, credentials: credentials.map(({ id, version, state }) => [id, version, state]) },
    };
  }
}
