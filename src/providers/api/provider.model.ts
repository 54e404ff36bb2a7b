import { formatInstant } from '../../platform/clock/index.js';
import type { CredentialFacts } from '../domain/credential.js';
import type { Provider, StoredDeployment } from '../domain/provider.js';
import type { ProviderView } from '../provider-admin.service.js';

/** A provider as REST shows it. */
export type ProviderModel = Omit<Provider, 'createdAtMs' | 'updatedAtMs'> & {
  readonly createdAt: string;
  readonly updatedAt: string;
};

/** A deployment as REST shows it. */
export type DeploymentModel = Omit<StoredDeployment, 'createdAtMs' | 'updatedAtMs' | 'deprecatedAtMs'> & {
  readonly deprecatedAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
};

/** A credential as REST shows it: everything but the secret. */
export interface CredentialModel {
  readonly id: string;
  readonly providerId: string;
  readonly name: string;
  readonly scheme: string;
  readonly hint: string | null;
  readonly state: string;
  readonly version: number;
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

/** A provider with what hangs on it. */
export type ProviderViewModel = ProviderModel & {
  readonly deployments: readonly DeploymentModel[];
  readonly credentials: readonly CredentialModel[];
};

const instant = (atMs: number | null): string | null => (atMs === null ? null : formatInstant(atMs));

export function toProviderModel({ createdAtMs, updatedAtMs, ...provider }: Provider): ProviderModel {
  return { ...provider, createdAt: formatInstant(createdAtMs), updatedAt: formatInstant(updatedAtMs) };
}

export function toDeploymentModel({
  createdAtMs,
  updatedAtMs,
  deprecatedAtMs,
  ...deployment
}: StoredDeployment): DeploymentModel {
  return {
    ...deployment,
    deprecatedAt: instant(deprecatedAtMs),
    createdAt: formatInstant(createdAtMs),
    updatedAt: formatInstant(updatedAtMs),
  };
}

/** Named members only: what else a stored row holds, sealed bytes above all, stays inside. */
export function toCredentialModel(credential: CredentialFacts): CredentialModel {
  const { id, providerId, name, scheme, hint, state, version } = credential;
  return {
    id,
    providerId,
    name,
    scheme,
    hint,
    state,
    version,
    expiresAt: instant(credential.expiresAtMs),
    createdAt: formatInstant(credential.createdAtMs),
    revokedAt: instant(credential.revokedAtMs),
  };
}

export function toProviderViewModel({ provider, deployments, credentials }: ProviderView): ProviderViewModel {
  return {
    ...toProviderModel(provider),
    deployments: deployments.map(toDeploymentModel),
    credentials: credentials.map(toCredentialModel),
  };
}
