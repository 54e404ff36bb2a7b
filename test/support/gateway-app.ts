import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request } from 'undici';

import { createApp } from '../../src/app.js';
import { LiveVerifier, type LiveVerdict } from '../../src/audit/index.js';
import { BudgetsService } from '../../src/budgets/index.js';
import { InvestigationsService, OperationsService } from '../../src/cases/index.js';
import { GatewayService } from '../../src/gateway/index.js';
import { Readiness } from '../../src/health/index.js';
import { IdentityService, KeysService, UsersService, type NewKey } from '../../src/identity/index.js';
import { fromPerMillion, PricesService, type Meter } from '../../src/metering/index.js';
import { SystemClock } from '../../src/platform/clock/index.js';
import { loadConfig } from '../../src/platform/config/index.js';
import { createLogger, type Logger } from '../../src/platform/logging/index.js';
import { ReplicaService } from '../../src/platform/replica/index.js';
import type { Role } from '../../src/platform/security/index.js';
import { ConfigSnapshots } from '../../src/platform/snapshot/index.js';
import { initialiseSecrets } from '../../src/secrets.js';
import { createTestDatabase } from './database.js';

/** An answer over real HTTP. */
export interface HttpAnswer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the test says what it expects
  json<U = T>(): U;
}

/** Prices of a model per million tokens, USD. */
export interface TestPrices {
  readonly input: string;
  readonly output: string;
}

/** The whole product on a database of its own, listening on 127.0.0.1, with one organisation in it. */
export class GatewayApp {
  #closed = false;

  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
    readonly databaseUrl: string,
    readonly orgId: string,
    readonly teamId: string,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  /** `DATABASE_URL` in the environment: that database, already migrated and not dropped; else one of its own. */
  static async start(
    environment: Readonly<Record<string, string>> = {},
    logger: Logger = createLogger('silent', new SystemClock()),
  ): Promise<GatewayApp> {
    const given = environment['DATABASE_URL'];
    const database = given === undefined ? await createTestDatabase() : { url: given, drop: () => Promise.resolve() };
    const dataDir = mkdtempSync(path.join(tmpdir(), 'aip-test-'));
    const config = loadConfig(
      {
        DATABASE_URL: database.url,
        AIP_DATA_DIR: dataDir,
        AIP_PORT: '0',
        AIP_DEMO: '0',
        AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32',
        ...environment,
      },
      'test',
    );
    initialiseSecrets(config);
    const runnable = { ...config, database: config.database.at(database.url) };
    const app = await createApp(runnable, logger);
    await app.init();
    await app.get(ReplicaService).register();
    await app.get(ConfigSnapshots).start();
    await app.get(GatewayService).start();
    const people = app.get(UsersService);
    const org = await people.createOrganisation({
      name: 'Test Agency',
      requireInvestigation: false,
      requirePurpose: false,
    });
    const team = await people.createTeam({ kind: 'system', orgId: org.id }, { name: 'Team One' });
    await app.listen(0, '127.0.0.1');
    app.get(Readiness).markStarted();
    const address = app.getHttpServer().address() as { port: number };
    return new GatewayApp(app, `http://127.0.0.1:${String(address.port)}`, database.url, org.id, team.id, async () => {
      rmSync(dataDir, { recursive: true, force: true });
      await database.drop();
    });
  }

  /** Ends the application as a replica ends; database and files stay. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.app.get(GatewayService).drain(5);
    await this.app.close();
  }

  async stop(): Promise<void> {
    await this.close();
    await this.cleanUp();
  }

  /** A new person; returns the id. */
  async user(role: Role, options: { readonly email?: string; readonly teamId?: string | null } = {}): Promise<string> {
    const email = options.email ?? `${role}-${String(Math.floor(performance.now() * 1000))}@test.example`;
    const made = await this.app.get(UsersService).createUser(
      { kind: 'system', orgId: this.orgId },
      {
        kind: role === 'service' ? 'service' : 'person',
        email: role === 'service' ? null : email,
        displayName: email,
        teamId: options.teamId === undefined ? this.teamId : options.teamId,
        roles: [{ role, teamId: null, grants: [] }],
      },
    );
    return made.id;
  }

  /** A virtual key of a user. */
  async key(userId: string, options: Partial<NewKey> = {}): Promise<string> {
    const { secret } = await this.app
      .get(KeysService)
      .createKey({ kind: 'system', orgId: this.orgId }, { name: 'test key', userId, live: true, ...options });
    return secret;
  }

  /** An access token of a user. */
  token(userId: string): string {
    return this.app.get(IdentityService).mintToken({ userId, ttlSeconds: 900 }).token;
  }

  /** An open investigation; returns its id. */
  async investigation(externalRef: string): Promise<string> {
    const made = await this.app.get(InvestigationsService).create({ kind: 'system', orgId: this.orgId }, externalRef, {
      title: externalRef,
      teamId: this.teamId,
      access: 'organisation',
    });
    return made.id;
  }

  /** A purpose code. */
  async purpose(code: string): Promise<void> {
    await this.app.get(OperationsService).createPurpose({ kind: 'system', orgId: this.orgId }, { code, label: code });
  }

  /** Prices of a vendor's model, in force since long ago. */
  async price(model: string, prices: TestPrices, vendor = 'vllm'): Promise<void> {
    const drafts = (Object.entries(prices) as [Meter, string][]).map(([meter, amount]) => ({
      vendor,
      model,
      meter,
      currency: 'USD',
      amount: fromPerMillion(amount),
      effectiveFromMs: Date.parse('2026-01-01'),
      confirmed: true,
      source: 'test',
      asOf: '2026-01-01',
    }));
    await this.app.get(ConfigSnapshots).change((tx) => this.app.get(PricesService).putPrices(tx, drafts));
  }

  /** Adds a partner over REST, as an administrator would; returns its id. */
  async provider(input: {
    readonly name: string;
    readonly baseUrl: string;
    readonly vendor?: string;
    readonly dialect?: string;
    readonly model: string;
    readonly upstreamModel?: string;
    readonly deployment?: Readonly<Record<string, unknown>>;
    readonly prices?: TestPrices;
  }): Promise<string> {
    const upstreamModel = input.upstreamModel ?? `${input.name}-model`;
    await this.price(upstreamModel, input.prices ?? { input: '1', output: '2' }, input.vendor ?? 'vllm');
    const answer = await this.api('POST', '/api/providers', this.token(await this.user('admin')), {
      name: input.name,
      vendor: input.vendor ?? 'vllm',
      ...(input.dialect === undefined ? {} : { dialect: input.dialect }),
      baseUrl: input.baseUrl,
      network: 'private',
      currency: 'USD',
      credential: { name: 'main', scheme: 'bearer', secret: `secret-of-${input.name}-0123456789` },
      deployments: [{ model: input.model, upstreamModel, ...input.deployment }],
    });
    if (answer.status !== 201) throw new Error(`Provider ${input.name}: ${String(answer.status)} ${answer.text}`);
    return answer.json<{ id: string }>().id;
  }

  /** A request over real HTTP. */
  // eslint-disable-next-line no-restricted-syntax -- reads like the request line that it is
  async api<T = Record<string, unknown>>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    target: string,
    bearer: string | undefined,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer<T>> {
    const answer = await request(`${this.url}${target}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text,
      json: () => JSON.parse(text) as never,
    };
  }

  /** A chat call. */
  chat(
    key: string,
    body: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer> {
    return this.api(
      'POST',
      '/v1/chat/completions',
      key,
      { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...body },
      headers,
    );
  }

  /** Findings of the ledger check; empty when clean. */
  ledger(): Promise<readonly unknown[]> {
    return this.app.get(BudgetsService).checkLedger();
  }

  /** The verdict over the evidence log. */
  verify(): Promise<LiveVerdict> {
    return this.app.get(LiveVerifier).verify();
  }
}
