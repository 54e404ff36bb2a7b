import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Client, Pool } from 'undici';

import { Clock } from '../platform/clock/index.js';
import { ProvidersConfig } from '../platform/config/index.js';
import type { Deployment, Network } from './domain/deployment.js';
import { parseCidr, type Cidr } from './domain/ip-address.js';
import { Flight } from './flight.js';
import { guardedConnector, type ConnectionRules } from './guarded-connector.js';
import { SimulatedOrigins } from './simulated-origins.js';
import { WarmSockets } from './warm-sockets.js';

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

interface Origin {
  readonly pool: Pool;
  /** Null without TLS: there is no handshake worth keeping, and small servers serve one connection at a time. */
  readonly warm: WarmSockets | null;
}

/** The sockets to providers: one pool per origin, one request at a time on a connection, no redirects, no retries, no timers of
 *  their own. */
@Injectable()
export class Transport implements OnApplicationShutdown {
  readonly #origins = new Map<string, Origin>();
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

  /** Keeps connections ready to the origins of enabled deployments, and closes the pools of those that no deployment uses any
   *  more; running answers end first. */
  retain(deployments: readonly Pick<Deployment, 'baseUrl' | 'network' | 'state'>[]): void {
    const places = deployments.map(({ baseUrl, network, state }) => ({ ...originOf(baseUrl), network, state }));
    const used = new Set(places.map(({ origin, network }) => keyOf(origin, network)));
    const enabled = places.filter(({ state }) => state === 'enabled');
    const wanted = new Set(enabled.map(({ origin, network }) => this.#originAt(origin, network)));
    this.#routes.clear();
    for (const [key, one] of this.#origins) {
      if (wanted.has(one)) one.warm?.keep();
      else one.warm?.rest();
      if (used.has(key)) continue;
      this.#origins.delete(key);
      void one.pool.close().catch(() => undefined);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const origins = [...this.#origins.values()];
    this.#origins.clear();
    for (const { warm } of origins) warm?.rest();
    await Promise.all(origins.map(({ pool }) => pool.destroy().catch(() => undefined)));
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
    const { origin, basePath } = originOf(target.baseUrl);
    const route = { origin, basePath, pool: this.#originAt(origin, target.network).pool };
    this.#routes.set(name, route);
    return route;
  }

  #originAt(origin: string, network: Network): Origin {
    const key = keyOf(origin, network);
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const { protocol, host, hostname, port } = new URL(origin);
    const connect = guardedConnector(network, this.#rules);
    const target = { protocol, host, hostname, port };
    const warm = protocol === 'https:' ? new WarmSockets(connect, target, this.#rules.clock) : null;
    const options = { ...this.#options(network), connect: warm?.connector ?? connect };
    const made = { pool: new Pool(origin, { ...options, connections: MAX_CONNECTIONS }), warm };
    this.#origins.set(key, made);
    return made;
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

function originOf(baseUrl: string): { readonly origin: string; readonly basePath: string } {
  const { origin, pathname } = new URL(baseUrl);
  return { origin, basePath: pathname === '/' ? '' : pathname };
}

function keyOf(origin: string, network: Network): string {
  return `${network} ${origin}`;
}

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`AIP_PROVIDER_ALLOW_CIDRS: ${text} is no CIDR`);
  return cidr;
}
