import type { Secret } from '../platform/secrets/index.js';

/** How a secret travels. `sigv4` signs each request, `google_sa` fetches a token first. */
export const AUTH_SCHEMES = ['bearer', 'header', 'azure', 'sigv4', 'google_sa', 'none'] as const;

/** One of {@link AUTH_SCHEMES}. */
export type AuthScheme = (typeof AUTH_SCHEMES)[number];

/** Headers that a request of ours needs itself: a secret may not take their place. */
const TAKEN = new Set(['host', 'content-length', 'content-type', 'transfer-encoding', 'connection', 'accept']);
const HEADER_NAME = /^[a-z0-9][a-z0-9-]{0,60}$/;

/** True for a header that may carry a secret. */
export function isSecretHeader(name: string): boolean {
  return HEADER_NAME.test(name) && !TAKEN.has(name);
}

/** Writes the secret into the headers of one request to its own provider: the only place where clear text leaves
 *  {@link Secret}. `headerName`: lower case, for scheme `header`. */
export function applySecret(
  headers: Record<string, string>,
  auth: { readonly scheme: AuthScheme; readonly headerName: string },
  secret: Secret | null,
): void {
  if (secret === null) return;
  switch (auth.scheme) {
    case 'bearer':
      headers['authorization'] = `Bearer ${secret.reveal()}`;
      return;
    case 'azure':
      headers['api-key'] = secret.reveal();
      return;
    case 'header':
      headers[auth.headerName] = secret.reveal();
      return;
    case 'none':
      return;
    case 'sigv4':
    case 'google_sa':
      throw new Error(`The scheme ${auth.scheme} makes its own headers`);
  }
}
