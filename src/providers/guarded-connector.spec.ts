import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it } from '@jest/globals';
import { Client } from 'undici';

import { SystemClock } from '../platform/clock/index.js';
import { parseCidr } from './domain/ip-address.js';
import type { ResolveAll } from './checked-connector.js';
import { guardedConnector, guardedLookup } from './guarded-connector.js';
import { SimulatedOrigins } from './simulated-origins.js';

const answering =
  (...answers: readonly (readonly string[])[]): ResolveAll =>
  (_hostname, done) => {
    const addresses = answers.length > 1 ? (answers as string[][]).shift() : answers[0];
    done(
      null,
      (addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };

function lookUp(resolve: ResolveAll, network: 'public' | 'private' = 'public'): (all: boolean) => Promise<unknown> {
  const lookup = guardedLookup(network, {
    allowed: [parseCidr('10.0.0.0/8') ?? { bytes: [], prefix: 0 }],
    simulated: new SimulatedOrigins(),
    clock: new SystemClock(),
    resolve,
  });
  return (all) =>
    new Promise((resolvePromise, reject) => {
      lookup('partner.example', { all }, (error, address) => {
        if (error === null) resolvePromise(address);
        else reject(error);
      });
    });
}

describe('guarded lookup', () => {
  it('hands out the addresses that it checked', async () => {
    const look = lookUp(answering(['8.8.8.8', '2606:4700::1111']));
    expect(await look(false)).toBe('8.8.8.8');
    expect(await look(true)).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
  });

  it('refuses a name with one forbidden address among good ones', async () => {
    await expect(lookUp(answering(['8.8.8.8', '169.254.169.254']))(true)).rejects.toMatchObject({ code: 'AIP_GUARD' });
    await expect(lookUp(answering(['8.8.8.8', '::ffff:10.0.0.1']))(false)).rejects.toMatchObject({ code: 'AIP_GUARD' });
  });

  it('checks each answer anew, so that a name which changes its mind gains nothing', async () => {
    const look = lookUp(answering(['8.8.8.8'], ['127.0.0.1']));
    expect(await look(false)).toBe('8.8.8.8');
    await expect(look(false)).rejects.toThrow('loopback');
  });

  it('lets a private provider resolve to what the environment opens', async () => {
    expect(await lookUp(answering(['10.1.2.3']), 'private')(false)).toBe('10.1.2.3');
    await expect(lookUp(answering(['192.168.0.1']), 'private')(false)).rejects.toThrow('AIP_PROVIDER_ALLOW_CIDRS');
  });

  it('refuses a name without an address and passes on what the resolver says', async () => {
    await expect(lookUp(answering([]))(true)).rejects.toThrow('no address');
    const broken: ResolveAll = (_hostname, done) => {
      done(Object.assign(new Error('gone'), { code: 'ENOTFOUND' }), []);
    };
    await expect(lookUp(broken)(true)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe('simulated origins', () => {
  it('knows only what was registered, and forgets it again', () => {
    const origins = new SimulatedOrigins();
    const close = origins.register('http://127.0.0.1:4010');
    expect(origins.resolve('127.0.0.1', '4010')).toBe(4010);
    expect(origins.resolve('simulated.invalid', '')).toBe(4010);
    expect(origins.resolve('127.0.0.1', '4011')).toBeUndefined();
    expect(origins.resolve('localhost', '4010')).toBeUndefined();
    close();
    expect(origins.resolve('simulated.invalid', '')).toBeUndefined();
    for (const origin of ['http://10.0.0.1:80', 'https://127.0.0.1:80', 'http://127.0.0.1', 'http://127.0.0.1:80/x']) {
      expect(() => origins.register(origin)).toThrow(RangeError);
    }
  });

  it.each([
    [undefined, null],
    ['dns', 'ENOTFOUND'],
    ['tls', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ] as const)('under the fault %s a connection ends with %s', async (fault, code) => {
    const server = createServer((_request, response) => {
      response.end('there');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const simulated = new SimulatedOrigins();
    simulated.register(origin, () => fault);
    const connect = guardedConnector('simulated', { allowed: [], simulated, clock: new SystemClock() });
    const client = new Client(origin, { connect });
    const asked = client.request({ method: 'GET', path: '/' });
    if (code === null) expect(await (await asked).body.text()).toBe('there');
    else await expect(asked).rejects.toMatchObject({ code });
    await client.destroy();
    server.close();
  });
});
