import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AdapterRegistry } from './adapter-registry.js';
import { collectAnswer } from './collect-answer.js';
import { CredentialUnusable } from './credential-unusable.error.js';
import { CredentialVault } from './credential-vault.js';
import { listedModels } from './domain/listed-models.js';
import { vendorOf } from './domain/vendors.js';
import type { Deployment } from './domain/deployment.js';
import type { Flight } from './flight.js';
import { RequestAuth } from './request-auth.js';

const PROBE_MS = 5_000;
const MAX_PROBE_BYTES = 4 * 1024 * 1024;
const SHOWN_MODELS = 10;

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
    | 'model'
    | 'redirect'
    | 'busy'
    | 'server'
    | 'unexpected';
  /** What is wrong and what to do about it. */
  readonly message: string;
  readonly status: number | null;
  readonly latencyMs: number;
}

type Finding = Omit<ProbeResult, 'latencyMs'>;

interface Answered {
  readonly finding: Finding;
  readonly body: Buffer | null;
}

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
  async probe(deployment: Deployment, credentialId?: string | null): Promise<ProbeResult> {
    const startMs = this.clock.monotonicMs();
    const { finding } = await this.#ask(deployment, credentialId);
    return { ...finding, latencyMs: Math.round(this.clock.monotonicMs() - startMs) };
  }

  /** What an administrator wants to know: the same question, and whether the provider lists the deployment's model. A model that is
   *  not listed may be callable all the same, so health never asks this. */
  async examine(deployment: Deployment): Promise<ProbeResult> {
    const startMs = this.clock.monotonicMs();
    const { finding, body } = await this.#ask(deployment, undefined);
    const latencyMs = Math.round(this.clock.monotonicMs() - startMs);
    return { ...(body === null ? finding : judgeModel(deployment, finding, body)), latencyMs };
  }

  async #ask(deployment: Deployment, credentialId: string | null | undefined): Promise<Answered> {
    const [operation = 'chat'] = deployment.capabilities.operations;
    const request = this.adapters.find(deployment, operation)?.probe(deployment) ?? null;
    if (request === null)
      return unasked('unexpected', 'This vendor offers nothing that can be asked without being billed.');
    const nowMs = this.clock.nowMs();
    const credential =
      credentialId === undefined
        ? this.vault.pick(deployment, nowMs)
        : this.vault.open(deployment, credentialId, nowMs);
    if (credential === undefined) {
      return unasked(
        'credential_missing',
        'No credential of this deployment may be used. Add one, or rotate the one it has.',
      );
    }
    const { method, path, headers, baseUrl = deployment.baseUrl } = request;
    const flight = this.auth.send(
      { ...deployment, baseUrl },
      { method, path, headers, body: request.body },
      credential,
    );
    const body = await collectAnswer(flight, { clock: this.clock, withinMs: PROBE_MS, maxBytes: MAX_PROBE_BYTES });
    const read = request.read?.(flight.status, flight.headers, body) ?? null;
    return { finding: read === null ? judge(flight) : told(read, flight.status), body: flight.ended ? body : null };
  }
}

function unasked(problem: ProbeResult['problem'], message: string): Answered {
  return { finding: finding(problem, message), body: null };
}

function finding(problem: ProbeResult['problem'], message: string, status: number | null = null): Finding {
  return { ok: problem === 'none', problem, message, status };
}

/** What the vendor's own words say beyond the status. */
function told(read: 'known' | 'model', status: number): Finding {
  return read === 'known'
    ? finding(
        'none',
        'The provider knows the credential, which may not look at models, so the model was not checked.',
        status,
      )
    : finding('model', 'The provider accepted the credential but does not have the model at this address.', status);
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
  if (status < 400) return finding('redirect', redirectMessage(flight), status);
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

/** Redirects are not followed: a credential would leave for an origin nobody checked. */
function redirectMessage({ headers }: Flight): string {
  const location = headers['location'];
  const to =
    typeof location === 'string' && URL.canParse(location) ? ` to ${new URL(location).host.slice(0, 200)}` : '';
  return `It answered with a redirect${to}, which is not followed. Save the address it leads to as baseUrl.`;
}

function judgeModel({ upstreamModel, vendor }: Deployment, found: Finding, body: Buffer): Finding {
  if (!found.ok || upstreamModel === '' || !vendorOf(vendor).listsModels) return found;
  const listed = listedModels(body);
  // A local server lists a name without a tag as its newest version.
  if (listed === null || [upstreamModel, `${upstreamModel}:latest`].some((name) => listed.includes(name))) return found;
  const shown = listed.slice(0, SHOWN_MODELS).join(', ');
  const more = listed.length > SHOWN_MODELS ? ` and ${String(listed.length - SHOWN_MODELS)} more` : '';
  const message = `The provider accepted the credential but does not list the model "${upstreamModel}". It lists ${shown}${more}.`;
  return finding('model', message, found.status);
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
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its TLS certificate was issued by an authority this machine does not trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its TLS certificate was issued by an authority this machine does not trust',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its TLS certificate was issued by an authority this machine does not trust',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  CERT_NOT_YET_VALID: 'its TLS certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS at this port; is the address http:// instead of https://?',
};

function reasonOf(error: Error | undefined): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'AIP_GUARD') return error?.message ?? '';
  if (error?.name === 'HTTPParserError')
    return 'what answers there is no HTTP server; is the address https:// instead of http://?';
  const name = typeof code === 'string' ? code : 'unknown';
  const kind = /^(ERR_SSL|ERR_TLS|CERT_|EPROTO)/.test(name) ? 'the TLS handshake failed' : 'it failed';
  return REASONS[name] ?? `${kind} (${name})`;
}
