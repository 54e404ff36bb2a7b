import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { GatewayApp } from '../../support/gateway-app.js';

interface Finding {
  readonly model: string | null;
  readonly ok: boolean;
  readonly problem: string;
  readonly message: string;
  readonly status: number | null;
}

const CANARY = 'sk-canary-0123456789abcdefwxyz';
const servers: { close(): unknown }[] = [];
let gateway: GatewayApp;
let admin: string;
let serial = 0;

beforeAll(async () => {
  gateway = await GatewayApp.start({ AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32' });
  admin = gateway.token(await gateway.user('admin'));
});

afterAll(async () => {
  await gateway.stop();
  for (const server of servers) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function answering(answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${String(await listening(createServer(answer)))}/v1`;
}

async function add(more: object): Promise<{ readonly status: number; readonly id: string; readonly text: string }> {
  serial += 1;
  const answer = await gateway.api<{ id: string }>('POST', '/api/providers', admin, {
    name: `tested-${String(serial)}`,
    vendor: 'openai',
    network: 'private',
    credential: { secret: CANARY },
    ...more,
  });
  return { status: answer.status, id: answer.json().id, text: answer.text };
}

async function examine(more: object, body?: object): Promise<readonly Finding[]> {
  const { status, id, text } = await add(more);
  expect([status, text]).toEqual([201, expect.any(String)]);
  const answer = await gateway.api<{ data: readonly Finding[] }>('POST', `/api/providers/${id}/test`, admin, body);
  expect([answer.status, answer.text]).toEqual([200, expect.not.stringContaining(CANARY)]);
  return answer.json().data;
}

async function expectFinding(
  baseUrl: string,
  expected: { readonly problem: string; readonly message: RegExp },
): Promise<void> {
  const [finding] = await examine({ baseUrl });
  expect(finding).toMatchObject({ ok: expected.problem === 'none', problem: expected.problem });
  expect(finding?.message).toMatch(expected.message);
}

/** A certificate that nobody vouches for. */
function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } | null {
  const directory = mkdtempSync(path.join(tmpdir(), 'aip-cert-'));
  const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
  try {
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', [...args, '-subj', '/CN=partner.example', '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch {
    return null;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('the connection test says what is wrong:', () => {
  it.each([
    [401, 'credential', /refused the credential/],
    [403, 'credential', /refused the credential/],
    [404, 'not_found', /base path of baseUrl/],
    [429, 'busy', /limit is used up/],
    [500, 'server', /error of its own/],
    [204, 'none', /accepted the credential/],
  ])('status %i', async (status, problem, message) => {
    const url = await answering((_request, response) => {
      response.writeHead(status).end();
    });
    await expectFinding(url, { problem, message });
  });

  it('nothing, by a question that costs nothing', async () => {
    const asked: string[] = [];
    const url = await answering((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      response.end('{"data":[{"id":"up-1"}]}');
    });
    const [finding] = await examine({ baseUrl: url, deployments: [{ model: 'probed', upstreamModel: 'up-1' }] });
    expect(finding).toMatchObject({ model: 'probed', ok: true, problem: 'none' });
    expect(asked).toEqual(['GET /v1/models']);
  });

  it('a redirect, which nobody follows', async () => {
    let followed = 0;
    const target = await answering((_request, response) => {
      followed += 1;
      response.end('{"data":[]}');
    });
    const url = await answering((_request, response) => {
      response.writeHead(307, { location: `${target}/models` }).end();
    });
    await expectFinding(url, { problem: 'redirect', message: /redirect to 127\.0\.0\.1:\d+, which is not followed/ });
    expect(followed).toBe(0);
  });

  it('nothing listens', async () => {
    await expectFinding('http://127.0.0.1:9/v1', { problem: 'connect', message: /nothing listens there/ });
  });

  it('a name that does not resolve', async () => {
    const message = /the name does not exist|could not be resolved/;
    await expectFinding('http://no-such-partner.example/v1', { problem: 'connect', message });
  });

  it('an address that the environment does not open is refused before it is saved', async () => {
    const { status, text } = await add({ baseUrl: 'http://10.0.0.9/v1' });
    expect([status, text]).toEqual([400, expect.stringContaining('AIP_PROVIDER_ALLOW_CIDRS')]);
  });

  it('a server that speaks no TLS, one that speaks nothing known, and one with a certificate nobody vouches for', async () => {
    const plain = await answering((_request, response) => response.end('{}'));
    await expectFinding(plain.replace('http:', 'https:'), { problem: 'connect', message: /does not speak TLS/ });
    const tcp = createTcpServer((socket) => socket.end('SSH-2.0-partner\r\n'));
    servers.push(tcp);
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const port = String((tcp.address() as AddressInfo).port);
    await expectFinding(`http://127.0.0.1:${port}/v1`, { problem: 'connect', message: /no HTTP server/ });
    const certificate = selfSigned();
    if (certificate === null) return;
    const secure = await listening(createTlsServer(certificate, (_request, response) => response.end('{}')));
    const message = /its TLS certificate is self-signed/;
    await expectFinding(`https://127.0.0.1:${String(secure)}/v1`, { problem: 'connect', message });
  });

  it('a model that the provider does not list, before and after it is deployed', async () => {
    const url = await answering((_request, response) => response.end('{"data":[{"id":"gpt-a"},{"id":"gpt-b"}]}'));
    const planned = await examine({ baseUrl: url }, { models: ['gpt-a', 'gpt-z'] });
    expect(planned).toMatchObject([
      { model: 'gpt-a', ok: true, problem: 'none' },
      { model: 'gpt-z', ok: false, problem: 'model' },
    ]);
    expect(planned[1]?.message).toContain('does not list the model "gpt-z". It lists gpt-a, gpt-b.');
    const deployed = await examine({ baseUrl: url, deployments: [{ model: 'public', upstreamModel: 'gpt-y' }] });
    expect(deployed).toMatchObject([{ model: 'public', ok: false, problem: 'model' }]);
  });

  it('no credential that may be used', async () => {
    const url = await answering((_request, response) => response.end('{"data":[]}'));
    const { id } = await add({ baseUrl: url, deployments: [{ model: 'left', upstreamModel: 'left' }] });
    const view = (await gateway.api<{ credentials: { id: string }[] }>('GET', `/api/providers/${id}`, admin)).json();
    await gateway.api('POST', `/api/providers/${id}/credentials/${view.credentials[0]?.id ?? ''}/revoke`, admin);
    const answer = await gateway.api<{ data: Finding[] }>('POST', `/api/providers/${id}/test`, admin);
    expect(answer.json().data).toMatchObject([{ model: 'left', ok: false, problem: 'credential_missing' }]);
  });
});
