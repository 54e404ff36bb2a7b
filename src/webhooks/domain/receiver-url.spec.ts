import { describe, expect, it } from '@jest/globals';

import { parseCidr, type Cidr } from '../../providers/index.js';
import { checkReceiverUrl, receiverJudge } from './receiver-url.js';

const cidrs = (...texts: string[]): readonly Cidr[] => texts.flatMap((text) => parseCidr(text) ?? []);

describe('checkReceiverUrl', () => {
  it.each(['https://hooks.example.org/aip', 'https://hooks.example.org:8443/a?b=c', 'https://8.8.8.8/'])(
    'takes %s',
    (url) => {
      expect(checkReceiverUrl(url, [])).toBe(url);
    },
  );

  it.each([
    ['plain http', 'http://hooks.example.org/'],
    ['another scheme', 'ftp://hooks.example.org/'],
    ['credentials', 'https://user:secret@hooks.example.org/'],
    ['a fragment', 'https://hooks.example.org/#top'],
    ['no URL', 'hooks.example.org'],
    ['a local name', 'https://printer/'],
    ['localhost', 'https://localhost/'],
    ['a name of a cloud', 'https://metadata.google.internal/'],
    ['a private address', 'https://10.1.2.3/'],
    ['the metadata address', 'https://169.254.169.254/'],
    ['a loopback address', 'http://127.0.0.1:9000/'],
    ['an address in disguise', 'https://0x7f.1/'],
    ['a mapped address', 'https://[::ffff:10.0.0.1]/'],
    ['a long one', `https://hooks.example.org/${'a'.repeat(500)}`],
  ])('refuses %s', (_name, url) => {
    expect(() => checkReceiverUrl(url, [])).toThrow(/^url: /);
  });

  it('takes what the environment opens, by plain http only on this machine', () => {
    const allowed = cidrs('10.0.0.0/8', '127.0.0.0/8');
    expect(checkReceiverUrl('https://10.1.2.3/x', allowed)).toBe('https://10.1.2.3/x');
    expect(checkReceiverUrl('http://127.0.0.1:9000/x', allowed)).toBe('http://127.0.0.1:9000/x');
    expect(() => checkReceiverUrl('http://10.1.2.3/x', allowed)).toThrow('https://');
  });
});

describe('receiverJudge', () => {
  it('never opens the metadata address', () => {
    const judge = receiverJudge(cidrs('0.0.0.0/0', '::/0'));
    expect(judge('169.254.169.254')).toContain('never allowed');
    expect(judge('fe80::1')).toContain('never allowed');
    expect(judge('192.168.0.1')).toBeNull();
  });
});
