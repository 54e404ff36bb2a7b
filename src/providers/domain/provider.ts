import type { Capabilities, Dialect } from '../adapters/adapter.js';
import type { Claim } from './claim.js';
import type { DeploymentLimits, DeploymentTimers, Network, State } from './deployment.js';

/** An account at an AI vendor. */
export interface Provider {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  readonly dialect: Dialect;
  readonly baseUrl: string;
  readonly network: Network;
  /** Header that carries a secret of scheme `header`, lower case. */
  readonly authHeader: string;
  readonly currency: string;
  readonly claims: readonly Claim[];
  /** Overrides of the vendor's quirks. */
  readonly quirks: Readonly<Record<string, unknown>>;
  readonly state: State;
  readonly managedBy: 'ui' | 'file';
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A deployment as it is configured; without its provider it cannot be called. */
export interface StoredDeployment {
  readonly id: string;
  readonly providerId: string;
  readonly credentialIds: readonly string[];
  readonly model: string;
  readonly upstreamModel: string;
  readonly region: string | null;
  readonly capabilities: Capabilities;
  readonly limits: DeploymentLimits;
  /** Only what differs from the defaults. */
  readonly timers: Partial<DeploymentTimers>;
  readonly weight: number;
  readonly state: State;
  readonly deprecatedAtMs: number | null;
  readonly managedBy: 'ui' | 'file';
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}
