import type { Deployment } from './domain/deployment.js';
import type { Secret } from '../platform/secrets/index.js';
import type { OutboundRequest } from './transport.js';

/** Where an authenticated request goes. */
export type AuthTarget = Pick<Deployment, 'baseUrl' | 'network' | 'region'> & Partial<Pick<Deployment, 'quirks'>>;

/** A way to prove who we are that takes more than writing the secret into a header: fetching a token, signing the request. */
export interface CredentialScheme {
  /** The headers that authenticate this request, lower case; they go over those it has. At once where nothing has to be awaited.
   *  @throws CredentialUnusable — the secret is not what the scheme needs, or was refused */
  prepare(
    request: OutboundRequest,
    target: AuthTarget,
    secret: Secret,
  ): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
}
