import { timingSafeEqual } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { ServerConfig } from '../platform/config/index.js';
import type { Tx } from '../platform/database/index.js';
import { AppError, type ErrorCode } from '../platform/errors/index.js';
import type { Permission, Principal } from '../platform/security/index.js';
import { ConfigSnapshots, type SnapshotPart } from '../platform/snapshot/index.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { bearerToken, Challenges } from './bearer.js';
import type { Directory } from './directory.js';
import { MAX_LIFETIME_SECONDS, type AccessTokenClaims } from './domain/access-token.js';
import { principalOfToken } from './domain/principal.js';
import { hashSecret, looksLikeKey, parseKey } from './domain/virtual-key.js';
import { LocalIssuer } from './local-issuer.js';
import { DirectoryRepository } from './persistence/directory.repository.js';
import { TokenCache } from './token-cache.js';

/** A freshly signed access token. */
export interface MintedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Says who calls. Reads nothing but memory for keys and for tokens seen before. */
@Injectable()
export class IdentityService {
  /** Who exists, as the snapshot in force sees it. */
  readonly part: SnapshotPart<Directory>;
  /** Writes the challenges of refusals. */
  readonly challenges: Challenges;
  readonly #tokens = new TokenCache();
  /** Who a token's bearer was in the directory it was last looked up in: another snapshot, another look. */
  readonly #callers = new WeakMap<
    AccessTokenClaims,
    { readonly directory: Directory; readonly principal: Principal }
  >();
  readonly #failures = new Map<ErrorCode, number>();

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly strategy: AccessTokenStrategy,
    private readonly issuer: LocalIssuer,
    private readonly clock: Clock,
    repository: DirectoryRepository,
    server: ServerConfig,
  ) {
    this.challenges = new Challenges(server.publicUrl);
    this.part = snapshots.register({ name: 'identity', load: (tx: Tx) => repository.load(tx) });
  }

  /** The directory in force. */
  directory(): Directory {
    return this.snapshots.current().get(this.part);
  }

  /** The caller behind an `Authorization` header: at once for virtual keys and tokens seen before, as a promise for new tokens.
   *  `remoteAddress` is the peer's, or what a trusted proxy vouches for.
   *  @throws AppError missing_credentials, invalid_token, invalid_value, dependency_unavailable; each is counted */
  authenticate(authorization: string | undefined, remoteAddress: string | undefined): Principal | Promise<Principal> {
    try {
      const token = bearerToken(authorization, this.challenges);
      if (looksLikeKey(token)) return this.#byKey(token, remoteAddress);
      const known = this.#tokens.find(token, this.clock.nowMs());
      return known === undefined ? this.#byNewToken(token) : this.#byClaims(known);
    } catch (error) {
      throw this.#counted(error);
    }
  }

  /** Refused credentials since the start, by code. */
  failures(): ReadonlyMap<ErrorCode, number> {
    return this.#failures;
  }

  /** Signs an access token for an active user; `ttlSeconds` 1…3600, 15 minutes when absent. `scope` restricts, absent does not.
   *  @throws AppError not_found, invalid_value */
  mintToken(input: {
    readonly userId: string;
    readonly ttlSeconds?: number | undefined;
    readonly scope?: readonly Permission[] | undefined;
  }): MintedToken {
    const user = this.directory().user(input.userId);
    if (user === undefined) throw new AppError('not_found', `There is no active user ${input.userId}.`);
    const lifetimeSeconds = input.ttlSeconds ?? 900;
    if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > MAX_LIFETIME_SECONDS) {
      throw new AppError('invalid_value', `ttlSeconds: must be 1…${String(MAX_LIFETIME_SECONDS)}.`, {
        param: 'ttlSeconds',
      });
    }
    const { token, expiresAtMs } = this.issuer.sign({ subject: user.id, lifetimeSeconds, scope: input.scope ?? null });
    return { token, expiresAtMs };
  }

  /** A user as caller without a credential: for work the product does in their name (jobs, the demonstration).
   *  @throws AppError not_found */
  principalOf(userId: string): Principal {
    const user = this.directory().user(userId);
    if (user === undefined) throw new AppError('not_found', `There is no active user ${userId}.`);
    return principalOfToken(user, { id: 'internal', roles: [], scope: null });
  }

  #byKey(token: string, remoteAddress: string | undefined): Principal {
    const parts = parseKey(token);
    if (parts === undefined) {
      throw this.challenges.invalid('This key is mistyped or cut: its checksum does not hold. Copy it again.');
    }
    const prepared = this.directory().key(parts.publicId);
    if (prepared?.key.live !== parts.live || !timingSafeEqual(hashSecret(parts.secret), prepared.key.secretSha256)) {
      throw this.challenges.invalid('This key is unknown or revoked, or its user is disabled. Ask for a new one.');
    }
    if (prepared.key.expiresAtMs <= this.clock.nowMs()) {
      throw this.challenges.invalid('This key has expired. Ask for a new one.');
    }
    if (prepared.networks !== null && !prepared.networks.contains(remoteAddress ?? '')) {
      throw this.challenges.invalid('This key may not be used from your network.');
    }
    return prepared.principal;
  }

  async #byNewToken(token: string): Promise<Principal> {
    try {
      const claims = await this.strategy.verify(token);
      this.#tokens.keep(token, claims);
      return this.#byClaims(claims);
    } catch (error) {
      throw this.#counted(error);
    }
  }

  #byClaims(claims: AccessTokenClaims): Principal {
    const directory = this.directory();
    const known = this.#callers.get(claims);
    if (known?.directory === directory) return known.principal;
    const user = claims.own ? directory.user(claims.subject) : directory.userBySubject(claims.subject);
    if (user !== undefined) {
      const principal = principalOfToken(user, claims);
      this.#callers.set(claims, { directory, principal });
      return principal;
    }
    throw this.challenges.invalid(
      claims.own
        ? 'The user of this token is unknown or disabled. Ask an administrator.'
        : 'Your identity provider vouches for you, but you have no active account here. Ask an administrator to add your subject.',
    );
  }

  /** Counts a refusal and gives `invalid_token` its challenge. */
  #counted(error: unknown): unknown {
    if (!(error instanceof AppError)) return error;
    this.#failures.set(error.code, (this.#failures.get(error.code) ?? 0) + 1);
    const challenged = error.code !== 'invalid_token' || error.facts.headers !== undefined;
    return challenged ? error : this.challenges.invalid(error.message, error.cause);
  }
}
