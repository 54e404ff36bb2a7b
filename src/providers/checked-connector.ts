import { lookup as resolveName } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { buildConnector } from 'undici';

import { parseAddress } from './domain/ip-address.js';

/** Upper bound of a TCP and TLS handshake, milliseconds; the timer of whoever connects is shorter. */
export const HANDSHAKE_MS = 10_000;

/** A connection that the guard refused; nothing was sent. */
export class ConnectionRefusedByGuard extends Error {
  override readonly name = 'ConnectionRefusedByGuard';
  readonly code = 'AIP_GUARD';
}

/** Decides about an address before anything is sent to it. `null`: it may be reached; else why not, in words for an operator. */
export type AddressJudge = (address: string) => string | null;

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

/** A `lookup` that hands out addresses only after each was checked: the address checked is the address connected to, so a
 *  name that changes its answer gains nothing. One forbidden address among several refuses the name. */
export function checkedLookup(refused: AddressJudge, resolve: ResolveAll = systemResolver): LookupFunction {
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
        const reason = refused(address);
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

/** The target when it is no forbidden address: a literal one is connected to without any lookup, so it is checked here. */
export function checkedTarget(
  options: buildConnector.Options,
  refused: AddressJudge,
): buildConnector.Options | ConnectionRefusedByGuard {
  const host = options.hostname.replace(/^\[|\]$/g, '');
  if (parseAddress(host) === undefined) return options;
  const reason = refused(host);
  return reason === null ? options : new ConnectionRefusedByGuard(reason);
}

/** A connector that opens nothing the judge forbids, whatever a URL says and a name resolves to. */
export function checkedConnector(refused: AddressJudge, resolve?: ResolveAll): buildConnector.connector {
  const connect = buildConnector({
    timeout: HANDSHAKE_MS,
    allowH2: false,
    autoSelectFamily: true,
    minVersion: 'TLSv1.2',
    lookup: checkedLookup(refused, resolve),
  });
  return (options, callback) => {
    const target = checkedTarget(options, refused);
    if (target instanceof Error) callback(target, null);
    else connect(target, callback);
  };
}
