import { CredentialEntity } from './credential.entity.js';
import { DeploymentEntity } from './deployment.entity.js';
import { ProviderEntity } from './provider.entity.js';

/** Rows of this module, for the data source. */
export const PROVIDERS_ENTITIES = [ProviderEntity, DeploymentEntity, CredentialEntity];
