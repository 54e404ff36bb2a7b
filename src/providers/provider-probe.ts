import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AdapterRegistry } from './adapter-registry.js';
import { collectAnswer } from './collect-answer.js';
import { CredentialUnusable } from './credential-unusable.error.js';
import { CredentialVault } from './credential-vault.js';
import type { Deployment } from './domain/deployment.js';
import type { Flight } from './flight.js';
import { RequestAuth } from './request-auth.js';

const PROBE_MS = 5_000;
const MAX_PROBE_BYTES = 1024 * 1024;

/** What a probe found. It proves name, TLS and authentication, not inference. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Closed list, for machines. */
  readonly problem:
    | 'none'
    | 'credential_missing'
    | 'connect'
    | 'timeout'
    | 'credential'
    | 'not_found'
    | 'busy'
    | 'server'
    | 'unexpected';
  /** What is wrong and what to do about it. */
  readonly message: string;
  readonly status: number | null;
  readonly latencyMs: number;
}

type Finding = Omit<ProbeResult, 'latencyMs'>;

/** Asks a provider something that costs nothing. */
@Injectable()
export class ProviderProbe {
  constructor(
    private readonly adapters: AdapterRegistry,
    private readonly vault: CredentialVault,
    private readonly auth: RequestAuth,
    private readonly clock: Clock,
  ) {}

  /** Resolves within 5 s, whatever the provider does; never bills and never throws for what the provider did. */
  async probe(deployment: Deployment): Promise<ProbeResult> {
    const startMs = this.clock.monotonicMs();
    const finding = await this.#find(deployment);
    return { ...finding, latencyMs: Math.round(this.clock.monotonicMs() - startMs) };
  }

  async #find(deployment: Deployment): Promise<Finding> {
    const [operation = 'chat'] = deployment.capabilities.operations;
    const request = this.adapters.find(deployment, operation)?.probe(deployment) ?? null;
    if (request === null)
      return finding('unexpected', 'This vendor offers nothing that can be asked without being billed.');
    const credential = this.vault.pick(deployment, this.clock.nowMs());
    if (credential === undefined) {
      return finding(
        'credential_missing',
        'No credential of this deployment may be used. Add one, or rotate the one it has.',
      );
    }
    const flight = this.auth.send(deployment, request, credential);
    await collectAnswer(flight, { clock: this.clock, withinMs: PROBE_MS, maxBytes: MAX_PROBE_BYTES });
    return judge(flight);
  }
}

function finding(problem: ProbeResult['problem'], message: string, status: number | null = null): Finding {
  return { ok: problem === 'none', problem, message, status };
}

function judge(flight: Flight): Finding {
  const { status, error } = flight;
  if (error instanceof CredentialUnusable) {
    const message = `The credential could not be exchanged for a token (${error.code}). Rotate it.`;
    return finding('credential', message);
  }
  if (status === 0 && error === undefined)
    return finding('timeout', `No answer within ${String(PROBE_MS / 1_000)} seconds.`);
  if (status === 0) return finding('connect', `No connection: ${reasonOf(error)}.`);
  if (status < 300) return finding('none', 'The provider answered and accepted the credential.', status);
  if (status < 400) return finding('unexpected', 'It answered with a redirect. Save the address it leads to.', status);
  if (status === 401 || status === 403) {
    return finding(
      'credential',
      'The provider refused the credential. Rotate it, or give it the rights it lacks.',
      status,
    );
  }
  if (status === 404)
    return finding('not_found', 'Nothing is at this address. Check the base path of baseUrl.', status);
  if (status === 429) return finding('busy', 'The provider is there, but its limit is used up at the moment.', status);
  if (status >= 500) return finding('server', 'The provider answered with an error of its own.', status);
  return finding('unexpected', `The provider answered with status ${String(status)}.`, status);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name does not exist',
  EAI_AGAIN: 'the name could not be resolved at the moment',
  ECONNRESET: 'the other side closed it',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answered in time',
  UND_ERR_SOCKET: 'the other side closed it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function reasonOf(error: Error | undefined): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'AIP_GUARD') return error?.message ?? '';
  return (
    (typeof code === 'string' ? REASONS[code] : undefined) ??
    `it failed (${typeof code === 'string' ? code : 'unknown'})`
  );
}
