import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'undici';

import { SystemClock } from '../platform/clock/index.js';
import { checkBaseUrl } from './domain/base-url.js';
import { parseCidr } from './domain/ip-address.js';
import type { ResolveAll } from './checked-connector.js';
import { guardedConnector, guardedLookup, type ConnectionRules } from './guarded-connector.js';
import { SimulatedOrigins } from './simulated-origins.js';

/** Hosts that lead inside, in every way an address can be written. */
const HOSTS = [
  ['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '0', '0.0.0.0', '0x7f.1', '0x7f000001', '0x7F.0x0.0x0.0x1'],
  ['2130706433', '017700000001', '0177.0.0.1', '0177.0x0.1', '127.0.0.1.', '127。0。0。1', '１２７.0.0.1', '①27.0.0.1'],
  ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'printer.local', 'vault.internal', 'db.localdomain', 'vllm'],
  ['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', 'metadata.google.internal'],
  [
    '10.0.0.1',
    '10.1',
    '172.16.0.1',
    '192.168.1.1',
    '192.168.257',
    '100.64.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
  ],
  ['240.0.0.1', '255.255.255.255', '203.0.113.9', '3232235777'],
  ['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[fe80::1]'],
  ['[fd00:ec2::254]', '[fc00::1]', '[fdff::1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]'],
  ['[2002:c0a8:101::]', '[ff02::1]', '[2001:db8::1]', '[::ffff:169.254.169.254]', '[100::1]'],
].flat();

/** URLs that say one thing and mean another. */
const URLS = [
  'http://api.example.com/v1',
  'ftp://api.example.com/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_x',
  'data:text/plain,x',
  'https://user@api.example.com/',
  'https://api.example.com@127.0.0.1/',
  'https://127.0.0.1#@api.example.com/',
  'https://api.example.com/?to=127.0.0.1',
  'https:\\\\127.0.0.1\\',
  'https://api.example.com\\@127.0.0.1/',
  'https://127.0.0.1\t.example.com/',
  'https://api.example.com\r\nhost: 127.0.0.1',
  'https://simulated.invalid/v1',
  '//127.0.0.1/',
  'https://',
  `https://${'a'.repeat(600)}.example.com/`,
];

let trap: Server;
let caught = 0;

beforeAll(async () => {
  trap = createServer((socket) => {
    caught += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(trap, 'listening');
});

afterAll(() => {
  trap.close();
});

const rules = (resolve?: ResolveAll): ConnectionRules => ({
  allowed: [parseCidr('10.9.0.0/16') ?? { bytes: [], prefix: 0 }],
  simulated: new SimulatedOrigins(),
  clock: new SystemClock(),
  ...(resolve === undefined ? {} : { resolve }),
});
const port = (): string => String((trap.address() as AddressInfo).port);

/** Asks for a page through the guard. */
async function ask(origin: string, network: 'public' | 'private', resolve?: ResolveAll): Promise<unknown> {
  const client = new Client(origin, { connect: guardedConnector(network, rules(resolve)) });
  try {
    return await client.request({ method: 'GET', path: '/' });
  } finally {
    await client.destroy();
  }
}

describe('what leads inside is refused', () => {
  it('in more than sixty forms', () => {
    expect(HOSTS.length + URLS.length).toBeGreaterThan(60);
  });

  it.each([...HOSTS.map((host) => `https://${host}/v1`), ...URLS])('when it is saved: %j', (url) => {
    expect(() => checkBaseUrl(url, 'public', [])).toThrow(/baseUrl: /);
  });

  it.each(HOSTS.filter((host) => URL.canParse(`http://${host}/`)))(
    'when a row that was never checked is called: %s',
    async (host) => {
      const local: ResolveAll = (_name, done) => {
        done(null, [{ address: '127.0.0.1', family: 4 }]);
      };
      await expect(ask(`http://${host}:${port()}`, 'public', local)).rejects.toMatchObject({ code: 'AIP_GUARD' });
      await expect(ask(`http://${host}:${port()}`, 'private', local)).rejects.toMatchObject({ code: 'AIP_GUARD' });
      expect(caught).toBe(0);
    },
  );
});

describe('a name that changes its answer', () => {
  /** Good when it is checked, inside when it is called. */
  const rebinding = (): ResolveAll => {
    let turn = 0;
    return (_name, done) => {
      turn += 1;
      done(null, [{ address: turn === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }]);
    };
  };

  it('gains nothing: the address that was checked is the address that is called', async () => {
    const resolve = rebinding();
    const checked = await new Promise<unknown>((done, fail) => {
      guardedLookup('public', rules(resolve))('rebind.example', {}, (error, address) => {
        if (error === null) done(address);
        else fail(error);
      });
    });
    expect(checked).toBe('8.8.8.8');
    await expect(ask(`http://rebind.example:${port()}`, 'public', resolve)).rejects.toMatchObject({
      code: 'AIP_GUARD',
    });
    expect(caught).toBe(0);
  });

  it('gains nothing by hiding one address among good ones', async () => {
    const mixed: ResolveAll = (_name, done) => {
      done(
        null,
        ['8.8.8.8', '127.0.0.1', '1.1.1.1'].map((address) => ({ address, family: 4 })),
      );
    };
    await expect(ask(`http://mixed.example:${port()}`, 'public', mixed)).rejects.toMatchObject({ code: 'AIP_GUARD' });
    expect(caught).toBe(0);
  });

  it('would be caught by the trap, were there no guard', async () => {
    const client = new Client(`http://127.0.0.1:${port()}`);
    await expect(client.request({ method: 'GET', path: '/' })).rejects.toThrow();
    await client.destroy();
    expect(caught).toBe(1);
  });
});
