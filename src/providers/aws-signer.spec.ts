import { describe, expect, it } from '@jest/globals';

import { SystemClock } from '../platform/clock/index.js';
import { AwsSigner } from './aws-signer.js';
import type { AuthTarget } from './credential-scheme.js';
import { Secret } from '../platform/secrets/index.js';

class FixedClock extends SystemClock {
  override nowMs(): number {
    return Date.parse('2026-03-04T05:06:07Z');
  }
}

const KEYS = new Secret('AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
const REQUEST = { method: 'POST', path: '/model/m/converse', headers: {}, body: null } as const;

const scopeOf = (target: Partial<AuthTarget>, secret = KEYS): string | undefined => {
  const signer = new AwsSigner(new FixedClock());
  const place = { baseUrl: 'https://proxy.example', network: 'public', region: null, ...target } as const;
  const { authorization = '' } = signer.prepare(REQUEST, place, secret);
  return /Credential=[A-Z0-9]+\/([^,]+),/.exec(authorization)?.[1];
};

describe('AwsSigner', () => {
  it.each([
    ['https://bedrock-runtime.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['https://bedrock.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['https://bedrock-runtime-fips.us-east-1.amazonaws.com', 'us-east-1'],
    ['https://bedrock-runtime.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['https://vpce-0a1b-2c3d.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com', 'ap-southeast-2'],
  ])('takes the region from the host %s', (baseUrl, region) => {
    expect(scopeOf({ baseUrl, region: 'us-west-1' })).toBe(`20260304/${region}/bedrock/aws4_request`);
  });

  it('takes the region from the provider, then from the deployment, where the host names none', () => {
    expect(scopeOf({ region: 'eu-west-3' })).toContain('/eu-west-3/');
    expect(scopeOf({ region: 'eu-west-3', quirks: { region: 'eu-north-1' } })).toContain('/eu-north-1/');
  });

  it('refuses without a region and without keys, and says nothing of the secret', () => {
    expect(() => scopeOf({})).toThrow(expect.objectContaining({ code: 'region_unknown' }));
    expect(() => scopeOf({ region: 'EU' })).toThrow(expect.objectContaining({ code: 'region_unknown' }));
    expect(() => scopeOf({ region: 'eu-west-3' }, new Secret('canary-secret'))).toThrow(
      expect.objectContaining({ code: 'no_aws_keys', message: expect.not.stringContaining('canary') as unknown }),
    );
  });

  it('signs the path below the base URL', () => {
    const signer = new AwsSigner(new FixedClock());
    const target = { network: 'public', region: 'eu-west-3' } as const;
    const below = signer.prepare({ ...REQUEST, path: '/b' }, { ...target, baseUrl: 'https://proxy.example/a' }, KEYS);
    const whole = signer.prepare({ ...REQUEST, path: '/a/b' }, { ...target, baseUrl: 'https://proxy.example' }, KEYS);
    expect(below).toEqual(whole);
  });
});
