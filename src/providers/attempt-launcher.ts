import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AdapterRegistry } from './adapter-registry.js';
import { AttemptRun } from './attempt-run.js';
import { applySecret } from './auth.js';
import { CredentialVault, type UsableCredential } from './credential-vault.js';
import type { AttemptRecord } from './domain/attempt.js';
import type { CallInput } from './domain/call.js';
import { processesWithin } from './domain/claim.js';
import type { Deployment } from './domain/deployment.js';
import type { ProviderDirectory } from './domain/provider-directory.js';
import { Transport } from './transport.js';

/** What is to be tried. */
export interface Launch {
  readonly n: number;
  readonly deployment: Deployment;
  readonly credential: UsableCredential | null;
  /** On a connection of its own: the kept-alive one was stale. */
  readonly fresh: boolean;
}

/** Builds one attempt and sends it: translation, credential, socket. */
@Injectable()
export class AttemptLauncher {
  constructor(
    private readonly adapters: AdapterRegistry,
    private readonly vault: CredentialVault,
    private readonly transport: Transport,
    readonly clock: Clock,
  ) {}

  /** Takes over a new configuration: credentials of it, and connections to nothing but its origins. */
  adopt(directory: ProviderDirectory): void {
    this.vault.adopt(directory);
    this.transport.retain(directory.deployments);
  }

  /** The credential for the next attempt: `null` when none is needed, `undefined` when none may be used. */
  credentialFor(deployment: Deployment): UsableCredential | null | undefined {
    return this.vault.pick(deployment, this.clock.nowMs());
  }

  /** Dispatches. @throws Error — the deployment lies outside the plan's jurisdictions, which planning should have seen */
  launch(input: CallInput, launch: Launch): AttemptRun {
    const { deployment, credential, n } = launch;
    const startedAtMs = this.clock.nowMs();
    this.#requireJurisdiction(input, deployment, startedAtMs);
    const adapter = this.adapters.require(deployment, input.operation);
    const exchange = adapter.open({
      requestId: `${input.requestId}/${String(n)}`,
      deployment,
      request: input.request as never,
      outputBound: input.outputBound,
      endUser: input.endUser,
    });
    const headers: Record<string, string> = {
      ...exchange.request.headers,
      'x-request-id': `${input.requestId}/${String(n)}`,
    };
    if (credential !== null) applySecret(headers, credential, credential.secret);
    const { method, path, body } = exchange.request;
    return new AttemptRun({
      n,
      deployment,
      credentialId: credential?.id ?? null,
      adapter,
      exchange,
      flight: this.transport.send(deployment, { method, path, headers, body }, launch.fresh),
      clock: this.clock,
      startedAtMs,
      deadlineMs: input.deadlineAtMs - startedAtMs,
    });
  }

  /** Learns from an ended attempt about the credential it used. */
  learn(record: AttemptRecord, retryAfterMs: number | undefined): void {
    const { credentialId, failureClass } = record;
    if (credentialId === null) return;
    if (failureClass === 'credential' || failureClass === 'quota_exhausted') {
      this.vault.refused(credentialId, { kind: failureClass, retryAfterMs }, this.clock.nowMs());
    } else if (record.outcome === 'ok') {
      this.vault.accepted(credentialId);
    }
  }

  #requireJurisdiction({ jurisdictions }: CallInput, deployment: Deployment, atMs: number): void {
    if (jurisdictions === undefined || jurisdictions === null) return;
    if (!processesWithin(deployment.claims, jurisdictions, atMs)) {
      throw new Error(`Deployment ${deployment.id} lies outside the plan's jurisdictions; it was not called`);
    }
  }
}
