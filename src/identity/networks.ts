import { BlockList, isIP } from 'node:net';

/** A list of networks an address can be tested against. */
export class Networks {
  readonly #list = new BlockList();

  /** @throws RangeError naming the entry that is no CIDR */
  static of(cidrs: readonly string[]): Networks {
    const networks = new Networks();
    for (const cidr of cidrs) {
      const [address = '', length = '', ...rest] = cidr.split('/');
      const family = isIP(address);
      const bits = /^\d{1,3}$/.test(length) ? Number(length) : NaN;
      if (family === 0 || rest.length > 0 || !(bits <= (family === 4 ? 32 : 128))) {
        throw new RangeError(`${cidr} is no network in CIDR notation`);
      }
      networks.#list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
    }
    return networks;
  }

  /** False for text that is no address. IPv4 addresses written as IPv6 count as IPv4. */
  contains(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** True when every entry is a network in CIDR notation. */
export function areNetworks(cidrs: readonly string[]): boolean {
  try {
    Networks.of(cidrs);
    return true;
  } catch {
    return false;
  }
}
