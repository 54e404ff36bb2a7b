import type { Capabilities, DeploymentView } from '../adapters/adapter.js';
import type { Claim } from './claim.js';

/** How a provider may be reached. `private`: only the CIDRs that the environment opens. `simulated`: only ports this process
 *  listens on itself. */
export const NETWORKS = ['public', 'private', 'simulated'] as const;

/** One of {@link NETWORKS}. */
export type Network = (typeof NETWORKS)[number];

/** `draining`: no new attempts, running ones end. */
export const STATES = ['enabled', 'draining', 'disabled'] as const;

/** One of {@link STATES}. */
export type State = (typeof STATES)[number];

/** Limits of one attempt, milliseconds on the monotonic clock. */
export interface DeploymentTimers {
  /** Until the connection stands. 50…60 000. */
  readonly connectMs: number;
  /** Until the first valid delta. 100…600 000. */
  readonly ttftMs: number;
  /** Between two signs of progress after it. 100…600 000. */
  readonly idleMs: number;
  /** For the whole attempt. 100…3 600 000. */
  readonly totalMs: number;
}

/** What the operator says the provider allows. A missing member is unknown, not unlimited. */
export interface DeploymentLimits {
  /** Attempts at the same time and replica. 1…10 000. */
  readonly maxConcurrent?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly requestsPerDay?: number;
}

/** A callable instance of a model: provider + upstream model + endpoint + credential, as one snapshot sees it. */
export interface Deployment extends DeploymentView {
  readonly id: string;
  readonly providerId: string;
  readonly providerName: string;
  /** Scheme, host, port and base path, without a slash at the end. */
  readonly baseUrl: string;
  readonly network: Network;
  /** ISO 4217, or `XTS` for simulated providers. */
  readonly currency: string;
  /** The public name that callers ask for. */
  readonly model: string;
  readonly upstreamModel: string;
  readonly region: string | null;
  readonly capabilities: Capabilities;
  readonly timers: DeploymentTimers;
  readonly limits: DeploymentLimits;
  /** Share among equals; ≥ 0. */
  readonly weight: number;
  /** The stricter of the provider's and the deployment's own state. */
  readonly state: State;
  /** In order of preference; empty when the provider needs none. */
  readonly credentialIds: readonly string[];
  readonly claims: readonly Claim[];
  readonly simulated: boolean;
  /** Set when the provider announced its end. */
  readonly deprecatedAtMs: number | null;
  readonly version: number;
}
