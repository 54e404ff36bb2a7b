import { homedir } from 'node:os';
import path from 'node:path';

import { z } from 'zod';

import {
  AuditConfig,
  DatabaseConfig,
  DataConfig,
  DemoConfig,
  GatewayConfig,
  IdentityConfig,
  ProvidersConfig,
  RedisConfig,
  ServerConfig,
  WebhooksConfig,
} from './slices.js';

/** Names known to the CLI and the tests: accepted here so that one environment serves all, and not used. */
const IGNORED = new Set([
  'AIP_URL',
  'AIP_TOKEN',
  'AIP_TEST_DATABASE_URL',
  'AIP_TEST_REDIS_URL',
  'AIP_TEST_REQUIRE_DATA',
  'AIP_TEST_KEEP',
]);

/** Names that many tools know, beside `AIP_*`. */
const OTHERS = new Set(['DATABASE_URL', 'REDIS_URL', 'NODE_ENV']);

const flag = z
  .enum(['0', '1'])
  .default('0')
  .transform((value) => value === '1');
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
const whole = (least: number, most: number, standard: number): z.ZodType<number> =>
  z.coerce.number().int().min(least).max(most).default(standard);
const roleMap = z
  .string()
  .default('{}')
  .transform((text, context) => {
    const parsed = z.record(z.string(), z.string()).safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: 'must be a JSON object of role names' });
    return {};
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const cidr = /^[0-9a-fA-F.:]+\/\d{1,3}$/;

/** Every variable the product reads, with default, unit and range. */
const environmentSchema = z.strictObject({
  NODE_ENV: z.string().optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .optional(),
  AIP_HOST: z.string().min(1).default('127.0.0.1'),
  AIP_PORT: whole(0, 65_535, 4100),
  AIP_PUBLIC_URL: z.url().optional(),
  AIP_DATA_DIR: z.string().min(1).default('./.aip'),
  AIP_DATABASE_POOL: whole(4, 200, 20),
  AIP_CORS_ORIGINS: list,
  AIP_DRAIN_SECONDS: whole(1, 600, 60),
  AIP_ALLOW_REMOTE: flag,
  AIP_ALLOW_LOCAL_LIMITS: flag,
  AIP_ALLOW_SIMULATED: flag,
  AIP_DURABILITY: z.enum(['strict', 'relaxed']).default('strict'),
  AIP_AUDIT_NAME: z
    .string()
    .regex(/^[a-z0-9.-]{1,100}$/, 'may hold a–z, 0–9, dot and hyphen')
    .default('demo.invalid'),
  AIP_AUDIT_KEY_DIR: z.string().min(1).optional(),
  AIP_AUDIT_KEK_DIR: z.string().min(1).optional(),
  AIP_AUDIT_CONTENT: z.enum(['store', 'digest']).default('store'),
  AIP_AUDIT_ANCHOR_FILE: z.string().min(1).optional(),
  AIP_OIDC_ISSUER: z.url().optional(),
  AIP_OIDC_AUDIENCE: z.string().min(1).optional(),
  AIP_OIDC_ROLE_CLAIM: z.string().startsWith('/', 'must be a JSON pointer').default('/roles'),
  AIP_OIDC_ROLE_MAP: roleMap,
  AIP_SECRET_SIGNING_FILE: z.string().min(1).optional(),
  AIP_SECRET_ENCRYPTION_FILE: z.string().min(1).optional(),
  AIP_PROVIDER_ALLOW_CIDRS: list.refine((all) => all.every((one) => cidr.test(one)), 'must be CIDRs, comma-separated'),
  AIP_WEBHOOK_ALLOW_CIDRS: list.refine((all) => all.every((one) => cidr.test(one)), 'must be CIDRs, comma-separated'),
  AIP_BREAKERS: z.enum(['on', 'off']).default('on'),
  AIP_UNKNOWN_FIELDS: z.enum(['lenient', 'strict']).default('lenient'),
  AIP_UNKNOWN_OUTCOME: z.enum(['estimate', 'worst']).default('estimate'),
  AIP_MAX_BODY_BYTES: whole(1_024, 64 * 1024 * 1024, 32 * 1024 * 1024),
  AIP_TIMEOUT_MS: whole(1, 600_000, 300_000),
  AIP_OUTPUT_BOUND: whole(16, 1_000_000, 4_096),
  AIP_DEMO: z.enum(['auto', '0', '1']).default('auto'),
  AIP_SIM_SEED: whole(0, 2 ** 31 - 1, 0),
});

/** The environment was refused. `problems` name keys and reasons, never values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration has ${String(problems.length)} problem(s):\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
  }
}

/** All slices of one process, frozen. */
export interface Config {
  readonly server: ServerConfig;
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  readonly data: DataConfig;
  readonly audit: AuditConfig;
  readonly identity: IdentityConfig;
  readonly providers: ProvidersConfig;
  readonly webhooks: WebhooksConfig;
  readonly demo: DemoConfig;
  readonly gateway: GatewayConfig;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Parsed = z.output<typeof environmentSchema>;

function problemsBeyondTypes(env: Parsed): string[] {
  const problems: string[] = [];
  if ((env.AIP_OIDC_ISSUER === undefined) !== (env.AIP_OIDC_AUDIENCE === undefined)) {
    problems.push('AIP_OIDC_AUDIENCE: an issuer and its audience are set together or not at all');
  }
  if (!['127.0.0.1', '::1', 'localhost'].includes(env.AIP_HOST) && !env.AIP_ALLOW_REMOTE) {
    problems.push('AIP_HOST: an address beyond loopback needs AIP_ALLOW_REMOTE=1 and TLS in front');
  }
  if (env.NODE_ENV === 'production' && env.DATABASE_URL === undefined) {
    problems.push('DATABASE_URL: required in production; the embedded PostgreSQL is for trying out');
  }
  if (env.NODE_ENV === 'production' && env.AIP_AUDIT_NAME === 'demo.invalid') {
    problems.push('AIP_AUDIT_NAME: required in production; it names the evidence log for ever');
  }
  return problems;
}

function readEnvironment(environment: Environment): Parsed {
  const ours: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || value === '' || IGNORED.has(name)) continue;
    if (name.startsWith('AIP_') || OTHERS.has(name)) ours[name] = value;
  }
  const result = environmentSchema.safeParse(ours);
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => `${key}: unknown name`)
          : [
              `${issue.path.map(String).join('.')}: ${issue.code === 'custom' || issue.code === 'invalid_format' ? issue.message : describe(issue)}`,
            ],
      ),
    );
  }
  const problems = problemsBeyondTypes(result.data);
  if (problems.length > 0) throw new ConfigError(problems);
  return result.data;
}

/** zod's own messages may quote what was received; these do not. */
function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') return `must be at least ${String(issue.minimum)}`;
  if (issue.code === 'too_big') return `must be at most ${String(issue.maximum)}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_type') return `must be a ${issue.expected}`;
  return 'is not valid';
}

function oidcOf(env: ReturnType<typeof readEnvironment>): IdentityConfig['oidc'] {
  if (env.AIP_OIDC_ISSUER === undefined || env.AIP_OIDC_AUDIENCE === undefined) return null;
  return {
    issuer: env.AIP_OIDC_ISSUER,
    audience: env.AIP_OIDC_AUDIENCE,
    roleClaim: env.AIP_OIDC_ROLE_CLAIM,
    roleMap: env.AIP_OIDC_ROLE_MAP,
  };
}

const optionalPath = (file: string | undefined): string | null => (file === undefined ? null : path.resolve(file));

/** Environment → checked, frozen slices. @throws ConfigError with all problems at once */
export function loadConfig(environment: Environment, version: string): Config {
  const env = readEnvironment(environment);
  const production = env.NODE_ENV === 'production';
  const dataDir = path.resolve(env.AIP_DATA_DIR.replace(/^~(?=\/)/, homedir()));
  const secretsDir = path.join(dataDir, 'secrets');
  const publicUrl = env.AIP_PUBLIC_URL ?? `http://${env.AIP_HOST}:${String(env.AIP_PORT)}`;
  return Object.freeze({
    server: Object.freeze(
      new ServerConfig(
        env.AIP_HOST,
        env.AIP_PORT,
        publicUrl,
        env.AIP_CORS_ORIGINS,
        env.AIP_DRAIN_SECONDS,
        production,
        version,
      ),
    ),
    database: Object.freeze(new DatabaseConfig(env.DATABASE_URL ?? null, env.AIP_DATABASE_POOL)),
    redis: Object.freeze(new RedisConfig(env.REDIS_URL ?? null)),
    data: Object.freeze(new DataConfig(dataDir, secretsDir, !production)),
    audit: Object.freeze(
      new AuditConfig(
        env.AIP_AUDIT_NAME,
        path.resolve(env.AIP_AUDIT_KEY_DIR ?? path.join(secretsDir, 'audit')),
        path.resolve(env.AIP_AUDIT_KEK_DIR ?? path.join(secretsDir, 'kek')),
        env.AIP_AUDIT_CONTENT,
        env.AIP_DURABILITY,
        !production || env.AIP_DEMO === '1',
        optionalPath(env.AIP_AUDIT_ANCHOR_FILE),
      ),
    ),
    identity: Object.freeze(
      new IdentityConfig(
        path.resolve(env.AIP_SECRET_SIGNING_FILE ?? path.join(secretsDir, 'signing.pem')),
        'urn:aip:local',
        'urn:aip:api',
        oidcOf(env),
      ),
    ),
    providers: Object.freeze(
      new ProvidersConfig(
        path.resolve(env.AIP_SECRET_ENCRYPTION_FILE ?? path.join(secretsDir, 'encryption')),
        env.AIP_PROVIDER_ALLOW_CIDRS,
        !production || env.AIP_ALLOW_SIMULATED,
        env.AIP_BREAKERS === 'on',
      ),
    ),
    webhooks: Object.freeze(new WebhooksConfig(env.AIP_WEBHOOK_ALLOW_CIDRS, env.AIP_AUDIT_NAME)),
    demo: Object.freeze(
      new DemoConfig(env.AIP_DEMO === 'auto' ? 'auto' : env.AIP_DEMO === '1' ? 'on' : 'off', env.AIP_SIM_SEED),
    ),
    gateway: Object.freeze(
      new GatewayConfig(
        env.AIP_UNKNOWN_FIELDS,
        env.AIP_UNKNOWN_OUTCOME,
        env.AIP_ALLOW_LOCAL_LIMITS,
        env.AIP_MAX_BODY_BYTES,
        env.AIP_TIMEOUT_MS,
        env.AIP_OUTPUT_BOUND,
      ),
    ),
  });
}
