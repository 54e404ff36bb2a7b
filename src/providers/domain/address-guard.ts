import type { Network } from './deployment.js';
import { contains, parseAddress, parseCidr, type AddressBytes, type Cidr } from './ip-address.js';

/** What an address is good for. Only `public` may be reached without a word of the environment. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'link_local' | 'reserved' | 'invalid';

const block = (text: string): Cidr => {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is no CIDR`);
  return cidr;
};
const rows = (kind: AddressKind, texts: readonly string[]): readonly (readonly [Cidr, AddressKind])[] =>
  texts.map((text) => [block(text), kind] as const);

/** Special-purpose blocks. Source: the IANA special-purpose address registries (RFC 6890 and updates). */
const V4 = [
  ...rows('loopback', ['127.0.0.0/8']),
  ...rows('link_local', ['169.254.0.0/16']),
  ...rows('private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']),
  ...rows('reserved', [
    '0.0.0.0/8',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ]),
];
const V6 = [
  ...rows('loopback', ['::1/128']),
  ...rows('link_local', ['fe80::/10', 'fd00:ec2::/32']),
  ...rows('private', ['fc00::/7']),
  ...rows('reserved', ['::/128', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', 'fec0::/10', 'ff00::/8']),
];
/** IPv6 blocks whose last 32 bits are an IPv4 address: mapped, compatible, translated, NAT64. */
const EMBEDDED_LAST = ['::ffff:0:0/96', '::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'].map(block);
const SIX_TO_FOUR = block('2002::/16');

function classifyBytes(bytes: AddressBytes): AddressKind {
  if (bytes.length === 4) return V4.find(([cidr]) => contains(cidr, bytes))?.[1] ?? 'public';
  const special = V6.find(([cidr]) => contains(cidr, bytes))?.[1];
  if (special !== undefined) return special;
  if (EMBEDDED_LAST.some((cidr) => contains(cidr, bytes))) return embedded(bytes.slice(12));
  if (contains(SIX_TO_FOUR, bytes)) return embedded(bytes.slice(2, 6));
  return (bytes[0] ?? 0) >> 5 === 1 ? 'public' : 'reserved';
}

/** An embedded IPv4 address keeps its danger but never becomes a public one: no provider publishes such a form. */
function embedded(bytes: AddressBytes): AddressKind {
  const kind = classifyBytes(bytes);
  return kind === 'public' ? 'reserved' : kind;
}

/** Says what an address is good for; mapped and translated forms count as what they hide. Attacker-controlled. */
export function classifyAddress(text: string): AddressKind {
  const bytes = parseAddress(text);
  return bytes === undefined ? 'invalid' : classifyBytes(bytes);
}

/** Decides about an address a provider's name resolved to. `null`: it may be reached; else why not, in words for an operator.
 *  Link-local addresses, where clouds keep their metadata, stay closed whatever the environment allows. */
export function refusedAddress(
  address: string,
  network: Exclude<Network, 'simulated'>,
  allowed: readonly Cidr[],
): string | null {
  const bytes = parseAddress(address);
  if (bytes === undefined) return `${address} is no IP address`;
  const kind = classifyBytes(bytes);
  if (network === 'public') {
    return kind === 'public'
      ? null
      : `it resolves to ${address}, which is ${WORDS[kind]}; set network to private if it is on site`;
  }
  if (kind === 'link_local') return `it resolves to ${address}, which is ${WORDS[kind]} and never allowed`;
  if (allowed.some((cidr) => contains(cidr, bytes))) return null;
  return `it resolves to ${address}, which is not in AIP_PROVIDER_ALLOW_CIDRS; only the environment of the server can open it`;
}

const WORDS: Readonly<Record<AddressKind, string>> = {
  public: 'a public address',
  private: 'a private address',
  loopback: 'a loopback address',
  link_local: 'a link-local or metadata address',
  reserved: 'a reserved address',
  invalid: 'no address',
};
