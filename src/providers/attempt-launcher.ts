import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import type { Adapter } from './adapters/adapter.js';
import { singleChoice } from './adapters/fan-out.js';
import { AdapterRegistry } from './adapter-registry.js';
import type { AttemptStart } from './attempt-record.js';
import { AttemptRun } from './attempt-run.js';
import { CredentialVault, type UsableCredential } from './credential-vault.js';
import type { AttemptRecord } from './domain/attempt.js';
import type { CallInput } from './domain/call.js';
import { commitRule } from './domain/commit-rule.js';
import { processesWithin } from './domain/claim.js';
import type { Deployment } from './domain/deployment.js';
import type { ProviderDirectory } from './domain/provider-directory.js';
import { FanOutRun } from './fan-out-run.js';
import { RequestAuth } from './request-auth.js';
import type { RunningAttempt } from './running-attempt.js';
import { Transport } from './transport.js';
import { TtftBook } from './ttft-book.js';

/** What is to be tried. */
export interface Launch {
  readonly n: number;
  readonly deployment: Deployment;
  readonly credential: UsableCredential | null;
  /** On a connection of its own: the kept-alive one was stale. */
  readonly fresh: boolean;
  /** What carries on a cut answer, instead of the caller's request. */
  readonly continuation?: { readonly of: number; readonly request: CallInput['request'] };
}

/** One attempt in the making. */
interface Shipment {
  readonly input: CallInput;
  readonly launch: Launch;
  readonly adapter: Adapter;
  readonly start: AttemptStart;
}

/** Builds one attempt and sends it: translation, credential, socket. */
@Injectable()
export class AttemptLauncher {
  constructor(
    private readonly adapters: AdapterRegistry,
    private readonly vault: CredentialVault,
    private readonly transport: Transport,
    readonly ttfts: TtftBook,
    readonly clock: Clock,
    private readonly auth: RequestAuth,
  ) {}

  /** Takes over a new configuration: credentials of it, and connections to nothing but its origins. */
  adopt(directory: ProviderDirectory): void {
    this.vault.adopt(directory);
    this.transport.retain(directory.deployments);
    this.ttfts.retain(directory.deployments);
  }

  /** Credentials for the next attempt: `[null]` when none is needed, empty when none may be used. */
  credentialsFor(deployment: Deployment): readonly (string | null)[] {
    return this.vault.usable(deployment, this.clock.nowMs());
  }

  /** Opens one of {@link credentialsFor}. @throws Error — it may not be used any more */
  openCredential(deployment: Deployment, id: string | null): UsableCredential | null {
    const credential = this.vault.open(deployment, id, this.clock.nowMs());
    if (credential === undefined)
      throw new Error(`Credential ${String(id)} of deployment ${deployment.id} is not usable`);
    return credential;
  }

  /** Dispatches: one request, or one per choice where the vendor gives one answer per request. @throws Error — the deployment lies
   *  outside the plan's jurisdictions, which planning should have seen */
  launch(input: CallInput, launch: Launch): RunningAttempt {
    const { deployment, credential, n, continuation } = launch;
    const startedAtMs = this.clock.nowMs();
    this.#requireJurisdiction(input, deployment, startedAtMs);
    const adapter = this.adapters.require(deployment, input.operation);
    const start = {
      n,
      deployment,
      credentialId: credential?.id ?? null,
      startedAtMs,
      continues: continuation?.of ?? null,
    };
    const shipment: Shipment = { input, launch, adapter, start };
    const request = continuation?.request ?? input.request;
    const { inputTimes } = adapter.cost(request as never, deployment);
    const id = `${input.requestId}/${String(n)}`;
    if (inputTimes === 1) return this.#send(shipment, request, id);
    const part = singleChoice(request);
    const parts = Array.from({ length: inputTimes }, (_, index) =>
      this.#send(shipment, part, `${id}.${String(index)}`),
    );
    return new FanOutRun(start, parts);
  }

  #send({ input, launch, adapter, start }: Shipment, request: CallInput['request'], id: string): AttemptRun {
    const { deployment, credential } = launch;
    const exchange = adapter.open({
      requestId: id,
      deployment,
      request: request as never,
      outputBound: input.outputBound,
      endUser: input.endUser,
    });
    const headers = { ...exchange.request.headers, 'x-request-id': id };
    const { method, path, body } = exchange.request;
    const timers = this.ttfts.timersOf(deployment);
    return new AttemptRun({
      ...start,
      adapter,
      exchange,
      flight: this.auth.send(deployment, { method, path, headers, body }, credential, launch.fresh),
      secret: credential?.secret ?? null,
      clock: this.clock,
      deadlineMs: input.deadlineAtMs - start.startedAtMs,
      timers,
      usualTtftMs: this.ttfts.quantile(deployment, 0.99) ?? timers.ttftMs,
      commitOn: commitRule(input, deployment),
    });
  }

  /** Learns from an ended attempt about the credential it used. */
  learn(record: AttemptRecord, retryAfterMs: number | undefined): void {
    this.ttfts.learn(record);
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
