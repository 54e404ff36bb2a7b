import { AppError } from '../../platform/errors/index.js';
import { refusedAddress } from './address-guard.js';
import type { Network } from './deployment.js';
import { parseAddress, type Cidr } from './ip-address.js';

/** Host that stands for the simulated partners of whichever process reads the row: their port changes with each start. */
export const SIMULATED_HOST = 'simulated.invalid';

const MAX_LENGTH = 500;

function refuse(reason: string): AppError {
  return new AppError('invalid_value', `baseUrl: ${reason}.`, { param: 'baseUrl' });
}

/** The host exactly as it was written, so that a form which only parses to an address can be told from one that is it. */
function writtenHost(text: string): string {
  const authority = /^[a-z]+:\/\/([^/?#\\]*)/i.exec(text)?.[1] ?? '';
  return authority.replace(/:\d*$/, '').toLowerCase();
}

function requireScheme(url: URL, network: Network): void {
  if (network === 'public' && url.protocol !== 'https:') {
    throw refuse('a public provider must be reached by https');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('it must begin with https://');
}

function parseUrl(text: string): URL {
  if (text.length > MAX_LENGTH) throw refuse(`it is longer than ${String(MAX_LENGTH)} characters`);
  if (/[\s\\]/.test(text) || !URL.canParse(text)) throw refuse('it is no URL');
  if (text.includes('@')) throw refuse('it must not contain credentials');
  if (/[?#]/.test(text)) throw refuse('it must not have a query or a fragment');
  return new URL(text);
}

/** Checks where a provider is said to be, before it is saved and before its name is resolved, and gives the canonical form:
 *  lower-case host, no slash at the end. Attacker-controlled.
 *  @throws AppError invalid_value — scheme, credentials, query, fragment, an address in disguise or a closed network */
export function checkBaseUrl(text: string, network: Network, allowed: readonly Cidr[]): string {
  const url = parseUrl(text);
  requireScheme(url, network);
  const host = url.hostname;
  if (network === 'simulated') {
    if (host !== SIMULATED_HOST && host !== '127.0.0.1') {
      throw refuse(`a simulated provider must be at http://${SIMULATED_HOST}/ or http://127.0.0.1:<port>/`);
    }
  } else {
    checkHost(host, writtenHost(text), network, allowed);
  }
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

function checkHost(host: string, written: string, network: 'public' | 'private', allowed: readonly Cidr[]): void {
  const address = parseAddress(host);
  if (address === undefined) {
    if (host.endsWith('.') || host.endsWith('.invalid')) throw refuse('this name cannot be resolved');
    if (network === 'public' && (!host.includes('.') || /\.(localhost|local|internal|localdomain)$/.test(host))) {
      throw refuse('this name only exists inside a network; set network to private if the provider is on site');
    }
    return;
  }
  if (address.length === 4 && written !== host) throw refuse(`write the address as ${host}, or better use a name`);
  const reason = refusedAddress(host.replace(/^\[|\]$/g, ''), network, allowed);
  if (reason !== null) throw refuse(reason);
}
