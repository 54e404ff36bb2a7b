import { describe, expect, it } from '@jest/globals';

import { checkBaseUrl } from './base-url.js';
import { parseCidr } from './ip-address.js';
import { baseUrlOf, KNOWN_VENDORS, vendorOf } from './vendors.js';

const PLACES = { region: 'eu-west-1', resource: 'agency', project: 'cases' };
const LOOPBACK = [parseCidr('127.0.0.0/8') ?? { bytes: [], prefix: 0 }];

describe('vendors', () => {
  it.each(KNOWN_VENDORS)('%s has a base URL that may be called', (name) => {
    const vendor = vendorOf(name);
    const filled = baseUrlOf(vendor, PLACES);
    if (filled === undefined || !('url' in filled)) throw new Error('no address');
    expect(checkBaseUrl(filled.url, vendor.network, LOOPBACK)).toBe(filled.url);
  });

  it('names the places that nobody filled', () => {
    expect(baseUrlOf(vendorOf('azure'), { region: 'x' })).toEqual({ missing: ['resource'] });
    expect(baseUrlOf(vendorOf('azure'), PLACES)).toEqual({ url: 'https://agency.openai.azure.com/openai/v1' });
  });

  it('knows that the global region of Vertex has a host of its own', () => {
    expect(baseUrlOf(vendorOf('vertex'), { region: 'global' })).toEqual({ url: 'https://aiplatform.googleapis.com' });
    expect(baseUrlOf(vendorOf('vertex'), PLACES)).toEqual({ url: 'https://eu-west-1-aiplatform.googleapis.com' });
  });

  it('takes a vendor nobody knows for a compatible one without an address', () => {
    expect(vendorOf('constructor')).toMatchObject({ dialect: 'openai', scheme: 'bearer', needsCredential: true });
    expect(baseUrlOf(vendorOf('somebody'), PLACES)).toBeUndefined();
  });
});
