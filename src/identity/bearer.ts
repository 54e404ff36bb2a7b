import { AppError } from '../platform/errors/index.js';

const MAX_TOKEN_LENGTH = 16_384;
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Writes `WWW-Authenticate` values. Source: RFC 6750 §3, RFC 9728 §5.1. */
export class Challenges {
  readonly #realm: string;

  constructor(publicUrl: string) {
    const metadata = `${publicUrl.replace(/\/$/, '')}/.well-known/oauth-protected-resource`;
    this.#realm = `Bearer realm="aip", resource_metadata="${metadata}"`;
  }

  /** No credential came: the challenge names no error. */
  missing(): AppError {
    return new AppError(
      'missing_credentials',
      'Send your key or access token as "Authorization: Bearer …". A lead or administrator can give you one.',
      { headers: { 'www-authenticate': this.#realm } },
    );
  }

  /** The credential came in a place or shape that RFC 6750 forbids. */
  malformed(message: string): AppError {
    return new AppError('invalid_value', message, {
      param: 'Authorization',
      headers: { 'www-authenticate': `${this.#realm}, error="invalid_request"` },
    });
  }

  /** The credential is not, or no longer, good. */
  invalid(message: string, cause?: unknown): AppError {
    return new AppError('invalid_token', message, {
      cause,
      headers: { 'www-authenticate': `${this.#realm}, error="invalid_token"` },
    });
  }

  /** The caller lacks every permission that would do. */
  insufficient(anyOf: readonly string[]): AppError {
    return new AppError(
      'insufficient_scope',
      `This needs ${anyOf.join(' or ')}. Ask an administrator of your organisation.`,
      {
        headers: { 'www-authenticate': `${this.#realm}, error="insufficient_scope", scope="${anyOf.join(' ')}"` },
      },
    );
  }
}

/** The bearer token of an `Authorization` header. Attacker-controlled: at most 16 KiB, RFC 6750's alphabet.
 *  @throws AppError missing_credentials, invalid_value */
export function bearerToken(authorization: string | undefined, challenges: Challenges): string {
  if (authorization === undefined || authorization === '') throw challenges.missing();
  if (authorization.length > MAX_TOKEN_LENGTH) throw challenges.malformed('The credential is longer than 16 KiB.');
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return token;
  if (/^bearer(\s|$)/i.test(authorization)) {
    throw challenges.malformed('The Authorization header must hold exactly one token: "Bearer <token>".');
  }
  throw challenges.missing();
}
