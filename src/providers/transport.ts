import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Client, Pool } from 'undici';

import { Clock } from '../platform/clock/index.js';
import { ProvidersConfig } from '../platform/config/index.js';
import type { Deployment, Network } from './domain/deployment.js';
import { parseCidr, type Cidr } from './domain/ip-address.js';
import { Flight } from './flight.js';
import { guardedConnector, type ConnectionRules } from './guarded-connector.js';
import { SimulatedOrigins } from './simulated-origins.js';

/** Below the minute after which vendors close idle connections. */
const KEEP_ALIVE_MS = 30_000;
const MAX_RESPONSE_HEADER_BYTES = 32 * 1024;
/** Connections to one origin. */
const MAX_CONNECTIONS = 1_024;

/** A request ready for the wire. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  /** Begins with a slash: the origin is the deployment's and nothing else's. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

interface Route {
  readonly origin: string;
  readonly basePath: string;
  readonly pool: Pool;
}

/** The sockets to providers: one pool per origin, one request at a time on a connection, no redirects, no retries, no timers of
 *  their own. */
@Injectable()
export class Transport implements OnApplicationShutdown {
  readonly #pools = new Map<string, Pool>();
  readonly #routes = new Map<string, Route>();
  readonly #rules: ConnectionRules;

  constructor(config: ProvidersConfig, simulated: SimulatedOrigins, clock: Clock) {
    this.#rules = { allowed: config.allowCidrs.map(cidrOf), simulated, clock };
  }

  /** Blocks that `network: private` may use. */
  get allowedCidrs(): readonly Cidr[] {
    return this.#rules.allowed;
  }

  /** Sends a request, or one that is still being prepared; the flight says what becomes of it. `fresh` uses a connection of its
   *  own. */
  send(
    target: Pick<Deployment, 'baseUrl' | 'network'>,
    request: OutboundRequest | Promise<OutboundRequest>,
    fresh = false,
  ): Flight {
    const flight = new Flight();
    if (request instanceof Promise) {
      request.then(
        (ready) => {
          if (!flight.isDestroyed) this.#dispatch(target, ready, { flight, fresh });
        },
        (error: unknown) => {
          flight.fail(error as Error);
        },
      );
    } else this.#dispatch(target, request, { flight, fresh });
    return flight;
  }

  /** Closes the pools of origins that no deployment uses any more; running answers end first. */
  retain(deployments: readonly Pick<Deployment, 'baseUrl' | 'network'>[]): void {
    const used = new Set(deployments.map(({ baseUrl, network }) => keyOf(new URL(baseUrl).origin, network)));
    this.#routes.clear();
    for (const [key, pool] of this.#pools) {
      if (used.has(key)) continue;
      this.#pools.delete(key);
      void pool.close().catch(() => undefined);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy().catch(() => undefined)));
  }

  #dispatch(
    target: Pick<Deployment, 'baseUrl' | 'network'>,
    request: OutboundRequest,
    { flight, fresh }: { readonly flight: Flight; readonly fresh: boolean },
  ): void {
    if (!request.path.startsWith('/')) throw new Error('A request path begins with a slash');
    const route = this.#route(target);
    const dispatcher = fresh ? new Client(route.origin, this.#options(target.network)) : route.pool;
    dispatcher.dispatch(
      {
        method: request.method,
        path: route.basePath + request.path,
        headers: request.headers,
        body: request.body,
        reset: fresh,
      },
      flight,
    );
    if (fresh) void (dispatcher as Client).close().catch(() => undefined);
  }

  #route(target: Pick<Deployment, 'baseUrl' | 'network'>): Route {
    const name = `${target.network} ${target.baseUrl}`;
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const { origin, pathname } = new URL(target.baseUrl);
    const basePath = pathname === '/' ? '' : pathname;
    const route = { origin, basePath, pool: this.#pool(origin, target.network) };
    this.#routes.set(name, route);
    return route;
  }

  #pool(origin: string, network: Network): Pool {
    const key = keyOf(origin, network);
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = new Pool(origin, { ...this.#options(network), connections: MAX_CONNECTIONS });
    this.#pools.set(key, pool);
    return pool;
  }

  #options(network: Network): Client.Options {
    return {
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
      connect: guardedConnector(network, this.#rules),
    };
  }
}

function keyOf(origin: string, network: Network): string {
  return `${network} ${origin}`;
}

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`AIP_PROVIDER_ALLOW_CIDRS: ${text} is no CIDR`);
  return cidr;
}
