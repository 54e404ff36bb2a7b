import { Injectable } from '@nestjs/common';

import { applySecret, type AuthScheme } from './auth.js';
import { AwsSigner } from './aws-signer.js';
import type { AuthTarget, CredentialScheme } from './credential-scheme.js';
import type { Flight } from './flight.js';
import { GoogleTokens } from './google-tokens.js';
import type { Secret } from '../platform/secrets/index.js';
import { Transport, type OutboundRequest } from './transport.js';

/** A credential as one request uses it. */
export interface AuthCredential {
  readonly scheme: AuthScheme;
  /** Lower case, for scheme `header`. */
  readonly headerName: string;
  readonly secret: Secret;
}

/** Sends requests with the credential of their deployment, whatever its scheme. */
@Injectable()
export class RequestAuth {
  readonly #schemes: Readonly<Partial<Record<AuthScheme, CredentialScheme>>>;

  constructor(
    private readonly transport: Transport,
    googleTokens: GoogleTokens,
    awsSigner: AwsSigner,
  ) {
    this.#schemes = { google_sa: googleTokens, sigv4: awsSigner };
  }

  /** Dispatches at once where the scheme allows, else when its headers are there; what goes wrong before is the flight's error.
   *  `fresh`: on a connection of its own. */
  send(target: AuthTarget, request: OutboundRequest, credential: AuthCredential | null, fresh = false): Flight {
    return this.transport.send(target, this.#authenticated(target, request, credential), fresh);
  }

  #authenticated(
    target: AuthTarget,
    request: OutboundRequest,
    credential: AuthCredential | null,
  ): OutboundRequest | Promise<OutboundRequest> {
    if (credential === null) return request;
    const scheme = this.#schemes[credential.scheme];
    if (scheme === undefined) {
      const headers = { ...request.headers };
      applySecret(headers, credential, credential.secret);
      return { ...request, headers };
    }
    const added = headersFrom(scheme, request, target, credential.secret);
    if (!(added instanceof Promise)) return { ...request, headers: { ...request.headers, ...added } };
    return added.then((headers) => ({ ...request, headers: { ...request.headers, ...headers } }));
  }
}

/** A scheme that cannot even begin fails the flight like one that fails later. */
function headersFrom(
  scheme: CredentialScheme,
  ...asked: Parameters<CredentialScheme['prepare']>
): ReturnType<CredentialScheme['prepare']> {
  try {
    return scheme.prepare(...asked);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error('The request could not be authenticated'));
  }
}
