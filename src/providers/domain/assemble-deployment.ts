import type { Deployment, DeploymentTimers, State } from './deployment.js';
import { defaultCapabilities } from './default-capabilities.js';
import type { Provider, StoredDeployment } from './provider.js';

const TIMERS: DeploymentTimers = { connectMs: 2_000, ttftMs: 15_000, idleMs: 20_000, totalMs: 300_000 };
/** Reasoning models are silent for longer. */
const REASONING: DeploymentTimers = { ...TIMERS, ttftMs: 90_000, idleMs: 60_000 };

/** The timers in force. A deployment that cannot stream shows nothing before its whole answer, so only the total counts. */
export function effectiveTimers(stored: Pick<StoredDeployment, 'timers' | 'capabilities'>): DeploymentTimers {
  const { capabilities, timers } = stored;
  const merged = { ...(capabilities.reasoning ? REASONING : TIMERS), ...timers };
  return capabilities.stream ? merged : { ...merged, ttftMs: merged.totalMs };
}

const STRICTNESS: readonly State[] = ['enabled', 'draining', 'disabled'];

/** The stricter of two states. */
export function stricterState(one: State, other: State): State {
  return STRICTNESS.indexOf(one) >= STRICTNESS.indexOf(other) ? one : other;
}

/** Joins a deployment with its provider: what a call needs, in one value. */
export function assembleDeployment(provider: Provider, stored: StoredDeployment): Deployment {
  return {
    id: stored.id,
    providerId: provider.id,
    providerName: provider.name,
    vendor: provider.vendor,
    dialect: provider.dialect,
    baseUrl: provider.baseUrl,
    network: provider.network,
    currency: provider.currency,
    quirks: provider.quirks,
    model: stored.model,
    upstreamModel: stored.upstreamModel,
    region: stored.region,
    capabilities: stored.capabilities,
    timers: effectiveTimers(stored),
    limits: stored.limits,
    weight: stored.weight,
    state: stricterState(provider.state, stored.state),
    credentialIds: stored.credentialIds,
    claims: provider.claims,
    simulated: provider.network === 'simulated',
    deprecatedAtMs: stored.deprecatedAtMs,
    version: stored.version,
  };
}

/** What a provider can be asked before it has a deployment: whether it is there and accepts a credential. Never in a plan. */
export function probeOnlyDeployment(provider: Provider, credentialIds: readonly string[]): Deployment {
  return assembleDeployment(provider, {
    id: provider.id,
    providerId: provider.id,
    credentialIds,
    model: '',
    upstreamModel: '',
    region: null,
    capabilities: defaultCapabilities(provider.vendor, {}),
    limits: {},
    timers: {},
    weight: 0,
    state: provider.state,
    deprecatedAtMs: null,
    managedBy: provider.managedBy,
    version: 1,
    createdAtMs: provider.createdAtMs,
    updatedAtMs: provider.updatedAtMs,
  });
}
