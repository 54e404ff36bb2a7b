/** Where and how the server listens. */
export class ServerConfig {
  constructor(
    readonly host: string,
    readonly port: number,
    /** Base URL that callers use; for links and token audiences. */
    readonly publicUrl: string,
    readonly corsOrigins: readonly string[],
    /** Seconds that running answers get to finish after SIGTERM. 1…600. */
    readonly drainSeconds: number,
    readonly production: boolean,
    readonly version: string,
  ) {}
}

/** Which database. `url: null` starts the embedded PostgreSQL. */
export class DatabaseConfig {
  constructor(
    readonly url: string | null,
    /** Connections of the pool. 4…200. */
    readonly poolSize: number,
  ) {}

  /** The same settings for a database that is known. */
  at(url: string): DatabaseConfig & { readonly url: string } {
    return new DatabaseConfig(url, this.poolSize) as DatabaseConfig & { readonly url: string };
  }
}

/** What replicas share. */
export class RedisConfig {
  constructor(
    /** `redis://` or `rediss://`; null: this replica is alone, or each knows only what it saw itself. */
    readonly url: string | null,
  ) {}
}

/** Files of this installation. */
export class DataConfig {
  constructor(
    /** Absolute. Secrets, embedded database, demo files. */
    readonly dataDir: string,
    readonly secretsDir: string,
    /** Missing secrets are made at start; false in production. */
    readonly createMissingSecrets: boolean,
  ) {}
}

/** Evidence settings (evidence page). */
export class AuditConfig {
  constructor(
    /** First part of the log's origin. */
    readonly name: string,
    readonly keyDir: string,
    readonly kekDir: string,
    readonly content: 'store' | 'digest',
    readonly durability: 'strict' | 'relaxed',
    readonly createMissingKeys: boolean,
    /** File on another volume that every checkpoint is appended to; null: none. */
    readonly anchorFile: string | null,
  ) {}

  /** The same settings for whoever may make keys: an operator at the machine, never a serving replica. */
  makingKeys(): AuditConfig {
    return new AuditConfig(this.name, this.keyDir, this.kekDir, this.content, this.durability, true, this.anchorFile);
  }
}

/** Access tokens: the local issuer's key file, and an outside issuer when one is set. */
export class IdentityConfig {
  constructor(
    /** PKCS#8 PEM of the local ES256 key. */
    readonly signingKeyFile: string,
    /** `iss` of locally minted tokens. */
    readonly localIssuer: string,
    /** `aud` that local tokens carry and must carry. */
    readonly localAudience: string,
    readonly oidc: {
      readonly issuer: string;
      readonly audience: string;
      /** JSON pointer to the claim with role names. */
      readonly roleClaim: string;
      /** Outside role name → ours. */
      readonly roleMap: Readonly<Record<string, string>>;
    } | null,
  ) {}
}

/** Partners. */
export class ProvidersConfig {
  constructor(
    /** 32-byte key file that seals credentials. */
    readonly encryptionKeyFile: string,
    /** CIDRs that `network: private` providers may use. */
    readonly allowCidrs: readonly string[],
    readonly allowSimulated: boolean,
    /** False: failures of providers are forgotten at once, so that every call meets them. Only for measuring. */
    readonly rememberFailures = true,
  ) {}
}

/** Notices to other systems. */
export class WebhooksConfig {
  constructor(
    /** CIDRs of receivers that are not on the public network; loopback ones may be reached by plain http. */
    readonly allowCidrs: readonly string[],
    /** Names this installation in CloudEvents: `urn:aip:<instance>`. */
    readonly instance: string,
  ) {}
}

/** Simulated partners and demo data. */
export class DemoConfig {
  constructor(
    /** `auto`: when no partner is configured and not in production. */
    readonly mode: 'auto' | 'on' | 'off',
    readonly seed: number,
  ) {}
}

/** Limits of the chat API. */
export class GatewayConfig {
  constructor(
    /** `lenient` drops members nobody knows and names them; `strict` refuses them. */
    readonly unknownFields: 'lenient' | 'strict',
    /** Charge of a call whose end nobody saw: estimated, or the whole hold. */
    readonly unknownOutcome: 'estimate' | 'worst',
    /** A second replica may run without a shared store: limits are then per process. */
    readonly allowLocalLimits: boolean,
    /** Bytes of a request body. */
    readonly maxBodyBytes: number,
    /** Default deadline of a request in milliseconds. 1…600 000. */
    readonly defaultTimeoutMs: number,
    /** Upper bound of output tokens sent when the caller names none. */
    readonly defaultOutputBound: number,
  ) {}
}
