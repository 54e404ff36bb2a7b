import { describe, expect, it } from '@jest/globals';

import { checkBaseUrl } from './base-url.js';
import { parseCidr } from './ip-address.js';

const ALLOWED = [parseCidr('10.0.0.0/8') ?? { bytes: [], prefix: 0 }];

describe('base URL', () => {
  it.each([
    ['https://api.openai.com/v1/', 'https://api.openai.com/v1'],
    ['https://API.OpenAI.com', 'https://api.openai.com'],
    ['https://example.org:8443/a//', 'https://example.org:8443/a'],
    ['https://8.8.8.8/v1', 'https://8.8.8.8/v1'],
  ])('keeps %s as %s', (text, canonical) => {
    expect(checkBaseUrl(text, 'public', [])).toBe(canonical);
  });

  it.each([
    ['http://api.openai.com/v1', 'https'],
    ['ftp://api.openai.com', 'https'],
    ['https://user:secret@api.openai.com', 'credentials'],
    ['https://api.openai.com@127.0.0.1/', 'credentials'],
    ['https://api.openai.com/?key=1', 'query'],
    ['https://api.openai.com/#a', 'fragment'],
    ['https://api openai.com', 'no URL'],
    ['https:\\\\127.0.0.1', 'no URL'],
    ['nonsense', 'no URL'],
    ['https://127.0.0.1/', 'loopback'],
    ['https://2130706433/', 'write the address'],
    ['https://0x7f.1/', 'write the address'],
    ['https://0177.0.0.1/', 'write the address'],
    ['https://134744072/', 'write the address'],
    ['https://[::1]/', 'loopback'],
    ['https://[::ffff:169.254.169.254]/', 'link-local'],
    ['https://169.254.169.254/latest', 'link-local'],
    ['https://10.0.0.8/', 'private address'],
    ['https://localhost/', 'inside a network'],
    ['https://vllm/', 'inside a network'],
    ['https://metadata.google.internal/', 'inside a network'],
    ['https://printer.local/', 'inside a network'],
    ['https://api.openai.com./', 'cannot be resolved'],
    ['https://simulated.invalid/', 'cannot be resolved'],
  ])('refuses %s', (text, reason) => {
    expect(() => checkBaseUrl(text, 'public', [])).toThrow(reason);
  });

  it('lets a private provider use http and its own networks only', () => {
    expect(checkBaseUrl('http://10.0.0.8:8000/v1', 'private', ALLOWED)).toBe('http://10.0.0.8:8000/v1');
    expect(checkBaseUrl('http://vllm:8000/v1', 'private', ALLOWED)).toBe('http://vllm:8000/v1');
    expect(() => checkBaseUrl('http://192.168.0.8/v1', 'private', ALLOWED)).toThrow('AIP_PROVIDER_ALLOW_CIDRS');
  });

  it('keeps simulated providers on this machine', () => {
    expect(checkBaseUrl('http://127.0.0.1:4010/sim/v1', 'simulated', [])).toBe('http://127.0.0.1:4010/sim/v1');
    expect(checkBaseUrl('http://simulated.invalid/sim', 'simulated', [])).toBe('http://simulated.invalid/sim');
    expect(() => checkBaseUrl('http://10.0.0.8/', 'simulated', ALLOWED)).toThrow('simulated provider');
  });
});
