import { Injectable } from '@nestjs/common';

import { ConfigSnapshots, type SnapshotPart } from '../platform/snapshot/index.js';
import type { CapabilityGap } from './adapters/adapter.js';
import { AdapterRegistry } from './adapter-registry.js';
import { AttemptGate, AttemptObserver } from './attempt-gate.js';
import { AttemptLauncher } from './attempt-launcher.js';
import { probeOnlyDeployment } from './domain/assemble-deployment.js';
import type { CallInput } from './domain/call.js';
import type { Deployment } from './domain/deployment.js';
import type { ProviderDirectory } from './domain/provider-directory.js';
import { ProviderRows } from './persistence/provider-rows.js';
import type { ProviderView } from './provider-admin.service.js';
import { HedgeBudgets } from './hedge-budgets.js';
import { ProviderCall } from './provider-call.js';
import { ProviderProbe, type ProbeResult } from './provider-probe.js';
import { RetryBudgets } from './retry-budgets.js';

const MAX_PROBES = 8;

/** What a probe of one deployment found; `model` is null when the provider has none yet. */
export type ProviderFinding = ProbeResult & { readonly model: string | null };

/** What `routing` supplies. */
@Injectable()
export class AttemptPorts {
  constructor(
    readonly gate: AttemptGate,
    readonly observer: AttemptObserver,
  ) {}
}

/** Calls providers: what a deployment can do, one call along a plan, an unbilled probe. */
@Injectable()
export class ProvidersService {
  /** Deployments of a configuration. */
  readonly part: SnapshotPart<ProviderDirectory>;
  readonly #retries = new RetryBudgets();
  readonly #hedges = new HedgeBudgets();

  constructor(
    snapshots: ConfigSnapshots,
    rows: ProviderRows,
    private readonly adapters: AdapterRegistry,
    private readonly launcher: AttemptLauncher,
    private readonly prober: ProviderProbe,
    private readonly ports: AttemptPorts,
  ) {
    this.part = snapshots.register({ name: 'providers', load: (tx) => rows.loadDirectory(tx) });
    snapshots.onSwap((snapshot) => {
      launcher.adopt(snapshot.get(this.part));
    });
  }

  /** Members of a request that a deployment cannot honour; a dialect that lacks the operation is a gap of its own. */
  gaps(request: Readonly<Record<string, unknown>>, deployment: Deployment): readonly CapabilityGap[] {
    const operation = request['messages'] === undefined ? 'embeddings' : 'chat';
    const adapter = this.adapters.find(deployment, operation);
    if (adapter === undefined || !deployment.capabilities.operations.includes(operation)) {
      return [{ member: operation, reason: `this model does not do ${operation}` }];
    }
    return adapter.gaps(request as never, deployment);
  }

  /** How often a deployment bills the prompt of a request: more than once where several choices are as many requests. */
  inputTimes(request: Readonly<Record<string, unknown>>, deployment: Deployment): number {
    const operation = request['messages'] === undefined ? 'embeddings' : 'chat';
    return this.adapters.find(deployment, operation)?.cost(request as never, deployment).inputTimes ?? 1;
  }

  /** Credentials that a deployment may be called with now: `[null]` when it needs none, empty when its partner refuses all. */
  usableCredentials(deployment: Deployment): readonly (string | null)[] {
    return this.launcher.credentialsFor(deployment);
  }

  /** Share of a deployment's concurrency that is taken here, 0…1; 0: nothing runs. */
  load(deployment: Deployment): number {
    return this.ports.gate.load(deployment);
  }

  /** One call along its plan. Nothing is dispatched before the iteration begins. */
  call(input: CallInput, signal: AbortSignal): ProviderCall {
    const { gate, observer } = this.ports;
    const ports = { gate, observer, launcher: this.launcher, retries: this.#retries, hedges: this.#hedges };
    return new ProviderCall(input, ports, signal);
  }

  /** Examines what a provider has: each deployment, at most 8; without one, the provider itself and whether it lists `models`, the
   *  upstream names that are to be deployed there. */
  async probeProvider(
    view: ProviderView,
    directory: ProviderDirectory,
    models: readonly string[] = [],
  ): Promise<readonly ProviderFinding[]> {
    const own = directory.deployments.filter(({ providerId }) => providerId === view.provider.id);
    const usable = view.credentials.filter(({ state }) => state !== 'revoked').map(({ id }) => id);
    const bare = probeOnlyDeployment(view.provider, usable);
    const planned = models.length > 0 ? models : [''];
    const targets = own.length > 0 ? own : planned.map((name) => ({ ...bare, model: name, upstreamModel: name }));
    return Promise.all(
      targets.slice(0, MAX_PROBES).map(async (one) => ({
        model: one.model === '' ? null : one.model,
        ...(await this.prober.examine(one)),
      })),
    );
  }

  /** Asks a provider something that costs nothing, with this credential or its first; never throws for what the provider did. */
  probe(deployment: Deployment, credentialId?: string | null): Promise<ProbeResult> {
    return this.prober.probe(deployment, credentialId);
  }
}
