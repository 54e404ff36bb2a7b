import { createPublicKey, verify } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { makeSigningKey, signMessage } from './signature.js';

/** Frame of an Ed25519 public key. Source: RFC 8410 §10.1. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

describe('signMessage', () => {
  it('gives the published v1 signature', () => {
    // Source: standard-webhooks/standard-webhooks@b2fa7b87, test vector of its libraries.
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' };
    expect(signMessage('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', message)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('gives v1a signatures that the public key verifies, and only for these bytes', () => {
    const key = makeSigningKey('v1a');
    const raw = Buffer.from(String(key.publicKey).slice('whpk_'.length), 'base64');
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
    const signature = signMessage(key.secret, { id: 'm', timestamp: 7, body: '{}' });
    const bytes = Buffer.from(signature.slice('v1a,'.length), 'base64');
    expect(verify(null, Buffer.from('m.7.{}'), publicKey, bytes)).toBe(true);
    expect(verify(null, Buffer.from('m.8.{}'), publicKey, bytes)).toBe(false);
  });

  it('makes keys of the published form, no two alike', () => {
    const [one, two] = [makeSigningKey('v1'), makeSigningKey('v1')];
    expect(one.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one.secret).not.toBe(two.secret);
    expect(one.publicKey).toBeNull();
    expect(makeSigningKey('v1a')).toMatchObject({
      secret: expect.stringMatching(/^whsk_[A-Za-z0-9+/]{43}=$/) as unknown,
      publicKey: expect.stringMatching(/^whpk_[A-Za-z0-9+/]{43}=$/) as unknown,
    });
  });
});
