import type { LookupFunction, Socket } from 'node:net';

import { buildConnector } from 'undici';

import type { Clock } from '../platform/clock/index.js';
import {
  checkedLookup,
  checkedTarget,
  ConnectionRefusedByGuard,
  HANDSHAKE_MS,
  type ResolveAll,
} from './checked-connector.js';
import type { Network } from './domain/deployment.js';
import { refusedAddress } from './domain/address-guard.js';
import { SIMULATED_HOST } from './domain/base-url.js';
import type { Cidr } from './domain/ip-address.js';
import type { SimulatedOrigins, WayFault } from './simulated-origins.js';

/** When the connection that an error broke had been opened, milliseconds on the monotonic clock. */
const openedAt = new WeakMap<Error, number>();

/** True when the error broke a connection that stood already at `dispatchedAtMs`: it was kept alive from an earlier request, and
 *  the provider may have closed it before it saw this one. */
export function wasKeptAlive(error: Error, dispatchedAtMs: number): boolean {
  return (openedAt.get(error) ?? Infinity) < dispatchedAtMs;
}

/** Rules of outbound connections. */
export interface ConnectionRules {
  readonly allowed: readonly Cidr[];
  readonly simulated: SimulatedOrigins;
  readonly clock: Clock;
  readonly resolve?: ResolveAll;
}

/** A `lookup` that hands out only addresses that the provider's network allows; see {@link checkedLookup}. */
export function guardedLookup(network: 'public' | 'private', rules: ConnectionRules): LookupFunction {
  return checkedLookup((address) => refusedAddress(address, network, rules.allowed), rules.resolve);
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
  return checkedTarget(options, (address) => refusedAddress(address, network, rules.allowed));
}

/** Registered before undici's own listeners, so that the mark is there when the error reaches a request. */
function rememberOpening(socket: Socket, atMs: number): void {
  socket.once('error', (error) => {
    openedAt.set(error, atMs);
  });
}
