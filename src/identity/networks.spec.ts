import { describe, expect, it } from '@jest/globals';

import { areNetworks, Networks } from './networks.js';

describe('Networks', () => {
  const networks = Networks.of(['10.20.0.0/16', '2001:db8::/32', '192.0.2.7/32']);

  it.each([
    ['10.20.255.255', true],
    ['10.21.0.0', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:1::1', true],
    ['2001:db9::1', false],
    ['::ffff:10.20.1.1', true],
    ['::ffff:10.21.1.1', false],
    ['', false],
    ['localhost', false],
  ])('%s is in: %s', (address, expected) => {
    expect(networks.contains(address)).toBe(expected);
  });

  it('refuses what is no CIDR', () => {
    for (const text of ['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/-1', 'x/8']) {
      expect(areNetworks([text])).toBe(false);
    }
    expect(areNetworks(['0.0.0.0/0', '::/0'])).toBe(true);
  });
});
