import { generateKeyPairSync } from 'node:crypto';
import { Writable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { rows } from '../support/rows.js';
import { answerStatus, ScriptedUpstream, type Script, type SeenRequest } from '../support/scripted-upstream.js';

/** No pattern of a usual key: what hides it must know it. */
const PLAIN = 'correcthorsebattery';
const AWS_SECRET = 'canaryAwsSecretKeyOfThirtyAndMoreCharacters';
const TOKEN = 'canary-google-access-token';
const PEM = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
/** Part of the private key that is long enough to be no accident. */
const PEM_PART = PEM.split('\n')[5] ?? '';

/** A partner that repeats in its refusals what it was told, secret headers first. */
const echo = ({ headers, path }: SeenRequest): string => {
  const told = [headers.authorization, headers['x-api-key'], headers['api-key'], headers['x-goog-api-key']];
  return `You said ${told.filter((one) => one !== undefined).join(' ')} at ${path}`;
};
const refuse =
  (status: number): Script =>
  (seen, response) =>
    void answerStatus(status, { error: { message: echo(seen), type: 'invalid_request_error', code: null } })(
      seen,
      response,
    );
const errorInside: Script = (seen, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`data: ${JSON.stringify({ error: { message: echo(seen), code: 'server_error' } })}\n\n`);
};

const partner = new ScriptedUpstream();
const tokens = new ScriptedUpstream(
  answerStatus(200, { access_token: TOKEN, expires_in: 3_600, token_type: 'Bearer' }),
);
const logged: string[] = [];
const answers: string[] = [];
let gateway: GatewayApp;
let admin: string;
let key: string;

interface Scheme {
  readonly scheme: string;
  readonly dialect: string;
  readonly secret: () => string;
  readonly more?: object;
}

const SCHEMES: readonly Scheme[] = [
  { scheme: 'bearer', dialect: 'openai', secret: () => `${PLAIN}-bearer` },
  { scheme: 'header', dialect: 'anthropic', secret: () => `${PLAIN}-header` },
  { scheme: 'azure', dialect: 'openai', secret: () => `${PLAIN}-azure` },
  {
    scheme: 'google_sa',
    dialect: 'gemini',
    secret: () =>
      JSON.stringify({
        client_email: 'gateway@acme.example',
        private_key: PEM,
        token_uri: tokens.url.replace('/v1', '/token'),
      }),
    more: { quirks: { project: 'acme', location: 'europe-west4' } },
  },
  {
    scheme: 'sigv4',
    dialect: 'bedrock',
    secret: () => `AKIAABCDEFGHIJKLMNOP:${AWS_SECRET}`,
    more: { quirks: { region: 'eu-central-1' } },
  },
];

const SECRETS = [PLAIN, AWS_SECRET, TOKEN, PEM_PART];

beforeAll(async () => {
  await Promise.all([partner.start(), tokens.start()]);
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  gateway = await GatewayApp.start({}, pino({ level: 'trace' }, sink));
  admin = gateway.token(await gateway.user('admin'));
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  await gateway.stop();
  await Promise.all([partner.stop(), tokens.stop()]);
});

function keep(answer: HttpAnswer): HttpAnswer {
  answers.push(answer.text, JSON.stringify(answer.headers));
  return answer;
}

async function ask(method: 'GET' | 'POST', target: string, body?: unknown): Promise<HttpAnswer> {
  return keep(await gateway.api(method, target, admin, body));
}

async function add({ scheme, dialect, secret, more }: Scheme): Promise<string> {
  await gateway.price(`${scheme}-model`, { input: '1', output: '2' });
  const answer = await ask('POST', '/api/providers', {
    name: scheme.replace('_', '-'),
    vendor: 'vllm',
    dialect,
    baseUrl: partner.url,
    network: 'private',
    credential: { scheme, secret: secret() },
    deployments: [{ model: scheme, upstreamModel: `${scheme}-model` }],
    ...more,
  });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.json<{ id: string }>().id;
}

/** Everything a secret could be in, with its usual disguises. */
function findSecrets(text: string): readonly string[] {
  return SECRETS.filter((secret) => {
    const disguises = [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').slice(0, -4),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
    ];
    return disguises.some((form) => text.includes(form));
  });
}

async function everyRow(): Promise<string> {
  const tables = await rows<{ name: string }>(
    gateway.databaseUrl,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const found = await rows<{ row: string }>(gateway.databaseUrl, `SELECT to_jsonb(t)::text AS row FROM ${name} t`);
    texts.push(...found.map(({ row }) => row));
  }
  const bytes = await rows<{ body: Buffer }>(gateway.databaseUrl, 'SELECT body FROM audit_batch');
  return [...texts, ...bytes.map(({ body }) => body.toString('latin1'))].join('\n');
}

describe('a credential of every scheme', () => {
  it.each(SCHEMES)('$scheme is used, repeated by a hostile partner, and shown to nobody', async (scheme) => {
    const id = await add(scheme);
    for (const script of [refuse(400), refuse(404), refuse(429), refuse(500), errorInside, refuse(401)]) {
      partner.next(script, script, script, script);
      for (const stream of [false, true]) {
        keep(await gateway.chat(key, { model: scheme.scheme, stream }, { 'aip-metadata': 'full' }));
      }
      partner.forget();
    }
    await ask('GET', `/api/providers/${id}`);
    await ask('POST', `/api/providers/${id}/test`);
    expect(partner.seen.length).toBeGreaterThan(0);
    expect(answers.filter((text) => findSecrets(text).length > 0)).toEqual([]);
  });

  it('is in no log line, row, record, notice, metric, list or document', async () => {
    for (const target of [
      '/api/providers',
      '/api/deployments',
      '/api/models',
      '/api/capacity',
      '/api/prices',
      '/health/providers',
    ])
      await ask('GET', target);
    await ask('GET', '/metrics');
    await ask('POST', '/graphql', {
      query: '{ __schema { types { name } } }',
    });
    const texts = { logs: logged.join(''), answers: answers.join('\n'), rows: await everyRow() };
    expect(Object.entries(texts).map(([where, text]) => [where, findSecrets(text)])).toEqual([
      ['logs', []],
      ['answers', []],
      ['rows', []],
    ]);
    // The search would find them: names of the same providers are there.
    for (const text of Object.values(texts)) expect(text).toContain('bearer');
    expect(logged.length).toBeGreaterThan(10);
  });

  it('reached its own origin in a header and no other place', () => {
    const places = partner.seen.filter(({ path, body }) => findSecrets(`${path} ${JSON.stringify(body)}`).length > 0);
    expect(places).toEqual([]);
    const headers = partner.seen.map((seen) => JSON.stringify(seen.headers));
    expect(new Set(headers.flatMap((text) => findSecrets(text)))).toEqual(new Set([PLAIN, TOKEN]));
    for (const { path, headers: sent } of tokens.seen)
      expect(findSecrets(`${path} ${JSON.stringify(sent)}`)).toEqual([]);
  });
});
