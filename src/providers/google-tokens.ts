import { createPrivateKey, sign, type KeyObject } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { collectAnswer } from './collect-answer.js';
import type { AuthTarget, CredentialScheme } from './credential-scheme.js';
import { CredentialUnusable } from './credential-unusable.error.js';
import { Secret } from '../platform/secrets/index.js';
import { Transport, type OutboundRequest } from './transport.js';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const DEFAULT_TOKEN_URI = 'https://oauth2.googleapis.com/token';
/** Where a public deployment may exchange its key: Google's own hosts. */
const GOOGLE_HOST = /^([a-z0-9-]+\.)*(googleapis|google)\.com$/;
const ASSERTION_SECONDS = 3_600;
const FETCH_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Share of its life after which a token is replaced. */
const RENEW_AFTER = 0.8;
/** A token this close to its end may end on the way. */
const MARGIN_MS = 10_000;
/** Least wait after a failed exchange. */
const RETRY_MS = 5_000;
const MAX_LIFE_SECONDS = 86_400;

interface ServiceAccount {
  readonly email: string;
  readonly keyId: string | undefined;
  readonly key: KeyObject;
  readonly tokenUri: string;
}

interface Token {
  readonly value: Secret;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

interface TokenState {
  token: Token | undefined;
  /** The exchange under way: all who need a token wait for the same. */
  pending: Promise<Token> | undefined;
  failed: { readonly error: Error; readonly untilMs: number } | undefined;
}

/** Access tokens of Google service accounts: the key signs an assertion, which is exchanged for a token that lives about an hour.
 *  A token is replaced at 80 % of its life while the old one still serves; one exchange per credential at a time. A rotated
 *  secret starts anew, and one nobody holds any more is forgotten. Source: RFC 7523 §2.1, §3. */
@Injectable()
export class GoogleTokens implements CredentialScheme {
  readonly #states = new WeakMap<Secret, TokenState>();

  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
  ) {}

  /** The authorisation header. @throws CredentialUnusable — the secret is no service account key, or Google refused it;
   *  Error with a `code` — the token endpoint could not be reached */
  prepare(
    _request: OutboundRequest,
    target: AuthTarget,
    secret: Secret,
  ): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>> {
    const state = this.#stateOf(secret);
    const nowMs = this.clock.monotonicMs();
    const { token, failed } = state;
    const mayFetch = failed === undefined || nowMs >= failed.untilMs;
    if (token !== undefined && nowMs < token.expiresAtMs) {
      if (nowMs >= token.renewAtMs && mayFetch) this.#exchange(state, target, secret).catch(() => undefined);
      return headerOf(token);
    }
    if (!mayFetch && state.pending === undefined) return Promise.reject(failed.error);
    return this.#exchange(state, target, secret).then(headerOf);
  }

  #stateOf(secret: Secret): TokenState {
    const known = this.#states.get(secret);
    if (known !== undefined) return known;
    const state: TokenState = { token: undefined, pending: undefined, failed: undefined };
    this.#states.set(secret, state);
    return state;
  }

  #exchange(state: TokenState, target: AuthTarget, secret: Secret): Promise<Token> {
    state.pending ??= this.#fetch(target, secret).then(
      (token) => {
        Object.assign(state, { token, pending: undefined, failed: undefined });
        return token;
      },
      (thrown: unknown) => {
        const error = thrown as Error;
        Object.assign(state, { pending: undefined, failed: { error, untilMs: this.clock.monotonicMs() + RETRY_MS } });
        throw error;
      },
    );
    return state.pending;
  }

  async #fetch({ network }: AuthTarget, secret: Secret): Promise<Token> {
    const account = readAccount(secret, network === 'public');
    const { origin, pathname } = new URL(account.tokenUri);
    const body = new URLSearchParams({ grant_type: GRANT, assertion: this.#assertion(account) });
    const sentAtMs = this.clock.monotonicMs();
    const flight = this.transport.send(
      { baseUrl: origin, network },
      {
        method: 'POST',
        path: pathname,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: Buffer.from(body.toString()),
      },
    );
    const answer = await collectAnswer(flight, { clock: this.clock, withinMs: FETCH_MS, maxBytes: MAX_ANSWER_BYTES });
    if (!flight.ended) throw hasCode(flight.error) ? flight.error : unavailable('TOKEN_TIMEOUT');
    return readToken(flight.status, answer, sentAtMs);
  }

  #assertion({ email, keyId, key, tokenUri }: ServiceAccount): string {
    const issuedAt = Math.floor(this.clock.nowMs() / 1_000);
    const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
    const claims = { iss: email, scope: SCOPE, aud: tokenUri, iat: issuedAt, exp: issuedAt + ASSERTION_SECONDS };
    const content = `${encoded(header)}.${encoded(claims)}`;
    return `${content}.${sign('RSA-SHA256', Buffer.from(content), key).toString('base64url')}`;
  }
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const headerOf = ({ value }: Token): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${value.reveal()}`,
});

const hasCode = (error: Error | undefined): error is Error & { readonly code: unknown } =>
  error !== undefined && 'code' in error;

function unavailable(code: string): Error {
  return Object.assign(new Error('The token endpoint gave no token'), { code });
}

/** Reads a key file as Google hands it out. A public deployment exchanges its key with Google and nobody else. */
function readAccount(secret: Secret, isPublic: boolean): ServiceAccount {
  const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: uri } = parsed(secret.reveal());
  if (typeof email !== 'string' || typeof pem !== 'string') throw new CredentialUnusable('no_service_account');
  const tokenUri = typeof uri === 'string' ? uri : DEFAULT_TOKEN_URI;
  if (!isAllowed(tokenUri, isPublic)) throw new CredentialUnusable('token_uri_refused');
  return { email, keyId: typeof keyId === 'string' ? keyId : undefined, key: readKey(pem), tokenUri };
}

function isAllowed(tokenUri: string, isPublic: boolean): boolean {
  const url = URL.parse(tokenUri);
  if (url?.username !== '' || url.search !== '' || url.hash !== '') return false;
  return !isPublic || (url.protocol === 'https:' && url.port === '' && GOOGLE_HOST.test(url.hostname));
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // The error of the parser may quote the key.
  }
  throw new CredentialUnusable('key_unreadable');
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // No JSON: no service account. The parser's error would quote the secret.
  }
  return {};
}

/** @throws CredentialUnusable — 4xx: the key was refused; Error — any other answer without a token */
function readToken(status: number, body: Buffer, sentAtMs: number): Token {
  const answer = parsed(body.toString('utf8'));
  if (status === 400 || status === 401 || status === 403) {
    const { error } = answer;
    throw new CredentialUnusable(typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : 'token_refused');
  }
  const { access_token: value, expires_in: seconds } = answer;
  if (status !== 200 || typeof value !== 'string' || value === '') throw unavailable('TOKEN_UNAVAILABLE');
  const lifeMs = typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, MAX_LIFE_SECONDS) * 1_000 : 0;
  return {
    value: new Secret(value),
    renewAtMs: sentAtMs + lifeMs * RENEW_AFTER,
    expiresAtMs: sentAtMs + Math.max(0, lifeMs - MARGIN_MS),
  };
}
