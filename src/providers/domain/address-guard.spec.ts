import { describe, expect, it } from '@jest/globals';

import { classifyAddress, refusedAddress, type AddressKind } from './address-guard.js';
import { contains, parseAddress, parseCidr, type Cidr } from './ip-address.js';

const FORMS: readonly (readonly [string, AddressKind])[] = [
  ['8.8.8.8', 'public'],
  ['1.1.1.1', 'public'],
  ['9.255.255.255', 'public'],
  ['11.0.0.0', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.128.0.0', 'public'],
  ['2606:4700:4700::1111', 'public'],
  ['[2a00:1450:4001:80b::200e]', 'public'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['100.127.255.255', 'private'],
  ['fc00::1', 'private'],
  ['fdff:ffff::1', 'private'],
  ['169.254.169.254', 'link_local'],
  ['169.254.0.1', 'link_local'],
  ['fe80::1', 'link_local'],
  ['fe80::1%eth0', 'link_local'],
  ['febf::1', 'link_local'],
  ['fd00:ec2::254', 'link_local'],
  ['0.0.0.0', 'reserved'],
  ['0.1.2.3', 'reserved'],
  ['192.0.0.1', 'reserved'],
  ['192.0.2.1', 'reserved'],
  ['192.88.99.1', 'reserved'],
  ['198.18.0.1', 'reserved'],
  ['198.51.100.1', 'reserved'],
  ['203.0.113.9', 'reserved'],
  ['224.0.0.1', 'reserved'],
  ['239.255.255.255', 'reserved'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['::', 'reserved'],
  ['ff02::1', 'reserved'],
  ['2001:db8::1', 'reserved'],
  ['100::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:169.254.169.254', 'link_local'],
  ['::ffff:a9fe:a9fe', 'link_local'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:8.8.8.8', 'reserved'],
  ['::127.0.0.1', 'loopback'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['64:ff9b::a9fe:a9fe', 'link_local'],
  ['64:ff9b:1::10.0.0.1', 'private'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:c0a8:101::', 'private'],
  ['2130706433', 'invalid'],
  ['0x7f000001', 'invalid'],
  ['0177.0.0.1', 'invalid'],
  ['127.1', 'invalid'],
  ['127.0.0.01', 'invalid'],
  ['256.0.0.1', 'invalid'],
  ['1.2.3.4.5', 'invalid'],
  ['1::2::3', 'invalid'],
  [':::', 'invalid'],
  ['12345::', 'invalid'],
  ['::1.2.3', 'invalid'],
  ['localhost', 'invalid'],
  ['', 'invalid'],
];

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

describe('address guard', () => {
  it.each(FORMS)('calls %s %s', (text, kind) => {
    expect(classifyAddress(text)).toBe(kind);
  });

  it('lets only public addresses through for a public provider', () => {
    for (const [text, kind] of FORMS) expect(refusedAddress(text, 'public', []) === null).toBe(kind === 'public');
  });

  it('opens for a private provider what the environment names, and nothing beside it', () => {
    const allowed = [cidr('10.1.0.0/16'), cidr('127.0.0.0/8'), cidr('fd12::/16')];
    expect(refusedAddress('10.1.2.3', 'private', allowed)).toBeNull();
    expect(refusedAddress('127.0.0.1', 'private', allowed)).toBeNull();
    expect(refusedAddress('fd12::9', 'private', allowed)).toBeNull();
    expect(refusedAddress('10.2.0.1', 'private', allowed)).toMatch('AIP_PROVIDER_ALLOW_CIDRS');
    expect(refusedAddress('8.8.8.8', 'private', allowed)).toMatch('AIP_PROVIDER_ALLOW_CIDRS');
    expect(refusedAddress('::ffff:10.1.2.3', 'private', allowed)).not.toBeNull();
  });

  it('keeps metadata addresses closed whatever the environment allows', () => {
    const everything = [cidr('0.0.0.0/0'), cidr('::/0')];
    expect(refusedAddress('169.254.169.254', 'private', everything)).toMatch('never allowed');
    expect(refusedAddress('fd00:ec2::254', 'private', everything)).toMatch('never allowed');
    expect(refusedAddress('::ffff:169.254.169.254', 'private', everything)).toMatch('never allowed');
  });

  it('reads blocks strictly', () => {
    expect(contains(cidr('10.0.0.0/9'), parseAddress('10.127.0.1') ?? [])).toBe(true);
    expect(contains(cidr('10.0.0.0/9'), parseAddress('10.128.0.1') ?? [])).toBe(false);
    expect(contains(cidr('10.0.0.0/8'), parseAddress('::1') ?? [])).toBe(false);
    for (const text of ['10.0.0.0/33', '10.0.0/8', '10.0.0.0/', '10.0.0.0/8/9', '::/129', 'x/8']) {
      expect(parseCidr(text)).toBeUndefined();
    }
  });
});
