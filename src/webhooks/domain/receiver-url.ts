import { AppError } from '../../platform/errors/index.js';
import { classifyAddress, contains, parseAddress, type AddressJudge, type Cidr } from '../../providers/index.js';

const MAX_LENGTH = 500;
const LOCAL_NAME = /(^|\.)(localhost|local|internal|localdomain|invalid)\.?$/;

function refuse(reason: string): AppError {
  return new AppError('invalid_value', `url: ${reason}.`, { param: 'url' });
}

/** Which addresses a receiver may have: public ones, and those the environment opens. Link-local ones, where clouds keep their
 *  metadata, stay closed whatever it says. */
export function receiverJudge(allowed: readonly Cidr[]): AddressJudge {
  return (address) => {
    const bytes = parseAddress(address);
    const kind = classifyAddress(address);
    if (bytes === undefined || kind === 'invalid') return `${address} is no IP address`;
    if (kind === 'public') return null;
    if (kind === 'link_local') return `${address} is a link-local or metadata address and never allowed`;
    if (allowed.some((cidr) => contains(cidr, bytes))) return null;
    return `${address} is not public and not in AIP_WEBHOOK_ALLOW_CIDRS; only the environment of the server can open it`;
  };
}

/** Checks where a receiver is said to be, before it is saved; the connection checks every address again. Plain http only to a
 *  loopback address that the environment opened: it never leaves the machine. Attacker-controlled.
 *  @throws AppError invalid_value — scheme, credentials, fragment, or a closed network */
export function checkReceiverUrl(text: string, allowed: readonly Cidr[]): string {
  if (text.length > MAX_LENGTH) throw refuse(`it is longer than ${String(MAX_LENGTH)} characters`);
  if (/[\s\\]/.test(text) || !URL.canParse(text)) throw refuse('it is no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refuse('it must not contain credentials');
  if (url.hash !== '' || text.includes('#')) throw refuse('it must not have a fragment');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  requireScheme(url.protocol, host);
  if (parseAddress(host) === undefined) {
    if (!host.includes('.') || LOCAL_NAME.test(host)) throw refuse('this name only exists inside a network');
  } else {
    const reason = receiverJudge(allowed)(host);
    if (reason !== null) throw refuse(reason);
  }
  return url.href;
}

function requireScheme(protocol: string, host: string): void {
  if (protocol === 'https:') return;
  if (protocol !== 'http:' || classifyAddress(host) !== 'loopback') throw refuse('it must begin with https://');
}
