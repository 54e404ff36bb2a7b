import { lookup as resolveName } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';

import { buildConnector } from 'undici';

import type { Clock } from '../platform/clock/index.js';
import type { Network } from './domain/deployment.js';
import { refusedAddress } from './domain/address-guard.js';
import { SIMULATED_HOST } from './domain/base-url.js';
import { parseAddress, type Cidr } from './domain/ip-address.js';
import type { SimulatedOrigins, WayFault } from './simulated-origins.js';

/** Upper bound of a TCP and TLS handshake; the attempt's own timer is shorter. */
const HANDSHAKE_MS = 10_000;

/** A connection that the guard refused; nothing was sent. */
export class ConnectionRefusedByGuard extends Error {
  override readonly name = 'ConnectionRefusedByGuard';
  readonly code = 'AIP_GUARD';
}

/** When the connection that an error broke had been opened, milliseconds on the monotonic clock. */
const openedAt = new WeakMap<Error, number>();

/** True when the error broke a connection that stood already at `dispatchedAtMs`: it was kept alive from an earlier request, and
 *  the provider may have closed it before it saw this one. */
export function wasKeptAlive(error: Error, dispatchedAtMs: number): boolean {
  return (openedAt.get(error) ?? Infinity) < dispatchedAtMs;
}

/** How names become addresses; tests put a hostile resolver here. */
export type ResolveAll = (
  hostname: string,
  done: (error: Error | null, addresses: readonly { readonly address: string; readonly family: number }[]) => void,
) => void;

/** Lookups under way: a name that does not answer takes one of the few threads, however many calls wait for it. */
const resolving = new Map<string, Parameters<ResolveAll>[1][]>();

const systemResolver: ResolveAll = (hostname, done) => {
  const waiting = resolving.get(hostname);
  if (waiting !== undefined) {
    waiting.push(done);
    return;
  }
  resolving.set(hostname, [done]);
  resolveName(hostname, { all: true, order: 'verbatim' }, (error, addresses) => {
    const all = resolving.get(hostname) ?? [];
    resolving.delete(hostname);
    for (const one of all) one(error, error === null ? addresses : []);
  });
};

/** Rules of outbound connections. */
export interface ConnectionRules {
  readonly allowed: readonly Cidr[];
  readonly simulated: SimulatedOrigins;
  readonly clock: Clock;
  readonly resolve?: ResolveAll;
}

/** A `lookup` that hands out addresses only after each was checked: the address checked is the address connected to, so a
 *  name that changes its answer gains nothing. One forbidden address among several refuses the name. */
export function guardedLookup(network: 'public' | 'private', rules: ConnectionRules): LookupFunction {
  const resolve = rules.resolve ?? systemResolver;
  return (hostname, options, done) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        done(error, '', 0);
        return;
      }
      const first = addresses[0];
      if (first === undefined) {
        done(new ConnectionRefusedByGuard('the name has no address'), '', 0);
        return;
      }
      for (const { address } of addresses) {
        const reason = refusedAddress(address, network, rules.allowed);
        if (reason !== null) {
          done(new ConnectionRefusedByGuard(reason), '', 0);
          return;
        }
      }
      if (options.all === true) done(null, [...addresses] as never);
      else done(null, first.address, first.family);
    });
  };
}

/** A connector for one provider network that opens nothing the guard forbids, whatever the saved URL says. */
export function guardedConnector(network: Network, rules: ConnectionRules): buildConnector.connector {
  const connect = buildConnector({
    timeout: HANDSHAKE_MS,
    allowH2: false,
    autoSelectFamily: true,
    minVersion: 'TLSv1.2',
    lookup: network === 'simulated' ? nameless : guardedLookup(network, rules),
  });
  return (options, callback) => {
    const target = targetOf(network, options, rules);
    if (target instanceof Error) {
      callback(target, null);
      return;
    }
    connect(target, (...result) => {
      const [error, socket] = result;
      if (error === null) rememberOpening(socket, rules.clock.monotonicMs());
      callback(...result);
    });
  };
}

/** No name leads to a simulated partner: its connections go to an address, except when its name is to be lost. */
const nameless: LookupFunction = (hostname, _options, done) => {
  done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '', 0);
};

/** Where a connection to one of our own ports goes: the port; under `dns` a name that does not exist; under `tls` the port again,
 *  but with a TLS handshake, which an HTTP server answers with something else. */
function simulatedTarget(
  options: buildConnector.Options,
  port: number,
  fault: WayFault | undefined,
): buildConnector.Options {
  if (fault === 'dns') return { ...options, hostname: SIMULATED_HOST, host: SIMULATED_HOST, port: String(port) };
  const target = { ...options, hostname: '127.0.0.1', host: `127.0.0.1:${String(port)}`, port: String(port) };
  return fault === 'tls' ? { ...target, protocol: 'https:' } : target;
}

function targetOf(
  network: Network,
  options: buildConnector.Options,
  rules: ConnectionRules,
): buildConnector.Options | ConnectionRefusedByGuard {
  if (network === 'simulated') {
    const port = rules.simulated.resolve(options.hostname, options.port);
    if (port === undefined) return new ConnectionRefusedByGuard('no simulated partner of this process listens there');
    return simulatedTarget(options, port, rules.simulated.faultOf(port));
  }
  // A literal address is connected to without any lookup, so it is checked here.
  const host = options.hostname.replace(/^\[|\]$/g, '');
  if (parseAddress(host) === undefined) return options;
  const reason = refusedAddress(host, network, rules.allowed);
  return reason === null ? options : new ConnectionRefusedByGuard(reason);
}

/** Registered before undici's own listeners, so that the mark is there when the error reaches a request. */
function rememberOpening(socket: Socket, atMs: number): void {
  socket.once('error', (error) => {
    openedAt.set(error, atMs);
  });
}
