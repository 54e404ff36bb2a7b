import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';

import { LocalIssuer } from '../../src/identity/local-issuer.js';
import type { GatewayApp } from './gateway-app.js';

export interface GraphqlError {
  readonly message: string;
  readonly extensions: { readonly code: string };
}

export interface GraphqlAnswer<T> {
  readonly status: number;
  readonly data: T | null;
  readonly errors: readonly GraphqlError[];
}

/** Runs a document over HTTP. */
export async function askGraphql<T>(
  gateway: GatewayApp,
  token: string | undefined,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<GraphqlAnswer<T>> {
  const answer = await gateway.api('POST', '/graphql', token, { query, variables });
  const { data, errors } = answer.json<{ data?: T | null; errors?: readonly GraphqlError[] }>();
  return { status: answer.status, data: data ?? null, errors: errors ?? [] };
}

/** A subscriber that never reconnects; `closes` collects the codes of its socket. */
export function subscriber(gateway: GatewayApp, token: string | undefined, closes: number[] = []): Client {
  return createClient({
    url: `${gateway.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
    ...(token === undefined ? {} : { connectionParams: { authorization: `Bearer ${token}` } }),
    on: { closed: (event) => closes.push((event as { code: number }).code) },
  });
}

/** A genuine token of a user that ended in the past. */
export function expiredToken(gateway: GatewayApp, userId: string): string {
  return gateway.app.get(LocalIssuer).sign({ subject: userId, lifetimeSeconds: -600, scope: null }).token;
}
