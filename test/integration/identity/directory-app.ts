import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Controller, Get, Module, type INestApplication, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import { DataSource, type EntityTarget } from 'typeorm';

import { AuditModule } from '../../../src/audit/index.js';
import { IdentityModule, IdentityService, KeysService, UsersService, type User } from '../../../src/identity/index.js';
import { IDENTITY_ENTITIES } from '../../../src/identity/persistence/entities.js';
import { ClockModule, SystemClock } from '../../../src/platform/clock/index.js';
import { ConfigModule, loadConfig } from '../../../src/platform/config/index.js';
import { DatabaseModule } from '../../../src/platform/database/index.js';
import {
  createAdapter,
  ExceptionToEnvelopeFilter,
  prepareServer,
  validationPipe,
} from '../../../src/platform/http/index.js';
import { createLogger, LoggingModule } from '../../../src/platform/logging/index.js';
import { OutboxModule } from '../../../src/platform/outbox/index.js';
import { ReplicaModule } from '../../../src/platform/replica/index.js';
import {
  CurrentPrincipal,
  RequirePermission,
  type Principal,
  type Role,
} from '../../../src/platform/security/index.js';
import { ConfigSnapshots, SnapshotModule } from '../../../src/platform/snapshot/index.js';
import { Metrics, TelemetryModule } from '../../../src/platform/telemetry/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** Routes that only tests have. */
@Controller('test')
class ProbeController {
  @Get('chat')
  @RequirePermission('chat:write')
  chat(@CurrentPrincipal() principal: Principal): { userId: string } {
    return { userId: principal.userId };
  }

  @Get('unmarked')
  unmarked(): string {
    return 'open';
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

/** People of two organisations, by the name their tests use. */
export interface Cast {
  readonly orgId: string;
  readonly otherOrgId: string;
  readonly teamId: string;
  readonly otherTeamId: string;
  readonly users: Readonly<Record<Person, User>>;
}

/** The people of a {@link Cast}; eve belongs to the other organisation. */
export type Person = 'ann' | 'bob' | 'lea' | 'leo' | 'otto' | 'ada' | 'cora' | 'system' | 'eve';

/** A running application with identity and what a test adds. */
export interface DirectoryApp {
  readonly app: NestFastifyApplication;
  readonly cast: Cast;
  get<T>(type: Type<T>): T;
  /** Calls as a person, or with the given Authorization header, or as nobody. */
  call(who: Person | { readonly authorization: string } | null, request: Call): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly body?: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: AnswerBody;
}

/** Members of answers that tests look into; which of them exist depends on the route. */
export interface AnswerBody {
  readonly id: string;
  readonly externalRef: string;
  readonly version: number;
  readonly data: readonly AnswerBody[];
  readonly next: string | null;
  readonly name: string;
  readonly state: string;
  readonly teamId: string | null;
  readonly sha256: string;
  readonly secret: string;
  readonly prefix: string;
  readonly permissions: readonly string[];
  readonly roles: readonly string[];
  readonly detail: string;
}

/** Starts the application on a database of its own. Environment: `AIP_…` settings of the test. */
export async function startDirectoryApp(
  options: {
    readonly modules?: readonly Type[];
    readonly entities?: readonly EntityTarget<object>[];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<DirectoryApp> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'aip-identity-'));
  const config = loadConfig({ AIP_DATA_DIR: dataDir, ...options.environment }, '0.0.0');
  const logger = createLogger('silent', new SystemClock());
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(config),
      ClockModule,
      LoggingModule.forRoot(logger),
      TelemetryModule,
      DatabaseModule.forRoot({ url: database.url, poolSize: 6 }),
      TypeOrmModule.forFeature([...IDENTITY_ENTITIES, ...(options.entities ?? [])] as (new () => object)[]),
      SnapshotModule,
      OutboxModule,
      ReplicaModule,
      AuditModule,
      IdentityModule,
      ...(options.modules ?? []),
      ProbeModule,
    ],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(
    createAdapter({ maxBodyBytes: 40 * 1024 * 1024, maxHeaderBytes: 32_768, requestTimeoutMs: 60_000 }),
    { bodyParser: false, logger: false },
  );
  prepareServer(app, logger, app.get(Metrics));
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ExceptionToEnvelopeFilter());
  await app.init();
  await app.get(ConfigSnapshots).start();
  const cast = await populate(app);
  return {
    app,
    cast,
    get: (type) => app.get(type),
    call: (who, request) => call(app, cast, who, request),
    stop: () => stop(app, database, dataDir),
  };
}

async function stop(app: INestApplication, database: TestDatabase, dataDir: string): Promise<void> {
  await app.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
}

async function populate(app: INestApplication): Promise<Cast> {
  const users = app.get(UsersService);
  const rules = { requireInvestigation: false, requirePurpose: false };
  const { id: orgId } = await users.createOrganisation({ name: 'Agency', ...rules });
  const { id: otherOrgId } = await users.createOrganisation({ name: 'Elsewhere', ...rules });
  const system = { kind: 'system', orgId } as const;
  const { id: teamId } = await users.createTeam(system, { name: 'Homicide' });
  const { id: otherTeamId } = await users.createTeam(system, { name: 'Fraud' });
  const person = (name: Person, role: Role, team: string | null): Promise<User> =>
    users.createUser(
      { kind: 'system', orgId: name === 'eve' ? otherOrgId : orgId },
      {
        kind: 'person',
        email: `${name}@example.org`,
        displayName: name,
        teamId: team,
        roles: [{ role, teamId: null, grants: [] }],
      },
    );
  const service = await users.createUser(system, {
    kind: 'service',
    displayName: 'Case system',
    roles: [{ role: 'service', teamId: null, grants: ['case:read', 'case:write'] }],
  });
  return {
    orgId,
    otherOrgId,
    teamId,
    otherTeamId,
    users: {
      ann: await person('ann', 'analyst', teamId),
      bob: await person('bob', 'analyst', otherTeamId),
      lea: await person('lea', 'lead', teamId),
      leo: await person('leo', 'lead', otherTeamId),
      otto: await person('otto', 'operator', null),
      ada: await person('ada', 'admin', null),
      cora: await person('cora', 'compliance', null),
      eve: await person('eve', 'admin', null),
      system: service,
    },
  };
}

async function call(
  app: NestFastifyApplication,
  cast: Cast,
  who: Person | { readonly authorization: string } | null,
  request: Call,
): Promise<Answer> {
  const identity = app.get(IdentityService);
  const authorization =
    typeof who === 'string' ? `Bearer ${identity.mintToken({ userId: cast.users[who].id }).token}` : who?.authorization;
  const response = await app.inject({
    method: request.method ?? 'GET',
    url: request.url,
    headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
    ...(request.body === undefined ? {} : { payload: request.body }),
  });
  const isJson = String(response.headers['content-type']).includes('json');
  const json = (isJson ? response.json() : {}) as AnswerBody;
  return { status: response.statusCode, headers: response.headers, text: response.payload, json };
}

/** Public part of every audit record of a type, oldest first, as text: what a reader of the log sees without its keys. */
export async function recordsOf({ app }: DirectoryApp, type: string): Promise<readonly string[]> {
  const rows = await app
    .get(DataSource)
    .query<{ body: string }[]>(`SELECT convert_from(body, 'UTF8') AS body FROM audit_batch ORDER BY at, n0`);
  return rows.flatMap(({ body }) => body.split('\n')).filter((line) => line.includes(`"type":"${type}"`));
}

/** A key of a person, made by the machine's operator. */
export async function keyOf(
  { app, cast }: DirectoryApp,
  person: Person,
  input: Omit<Parameters<KeysService['createKey']>[1], 'name' | 'userId'> = {},
): Promise<{ readonly id: string; readonly secret: string; readonly authorization: string }> {
  const { key, secret } = await app
    .get(KeysService)
    .createKey(
      { kind: 'system', orgId: cast.users[person].orgId },
      { name: 'test', userId: cast.users[person].id, ...input },
    );
  return { id: key.id, secret, authorization: `Bearer ${secret}` };
}
