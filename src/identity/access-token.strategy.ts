import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

import { Clock } from '../platform/clock/index.js';
import { IdentityConfig } from '../platform/config/index.js';
import { AppError } from '../platform/errors/index.js';
import { readAccessToken, type AccessTokenClaims, type TrustedIssuer } from './domain/access-token.js';
import { LocalIssuer } from './local-issuer.js';
import { OutsideKeys } from './outside-keys.js';

const NAME = 'access-token';

interface Decoded {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

function decode(token: string): Decoded | undefined {
  try {
    const [header = '', payload = ''] = token.split('.');
    const parse = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    const decoded = { header: parse(header), payload: parse(payload) };
    return isObject(decoded.header) && isObject(decoded.payload) ? (decoded as Decoded) : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Verifies access tokens through Passport: signature by the key of the issuer the token names, claims by our own rules.
 *  Only RS256, PS256 and ES256 are accepted. */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy, NAME) {
  readonly #issuers: readonly TrustedIssuer[];
  readonly #passport = new passport.Passport();

  constructor(
    config: IdentityConfig,
    local: LocalIssuer,
    private readonly clock: Clock,
  ) {
    const outside = config.oidc === null ? undefined : new OutsideKeys(config.oidc.issuer, clock);
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      algorithms: ['RS256', 'PS256', 'ES256'],
      // Times are judged by our own clock in `readAccessToken`; `complete` hands the header over too.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way to pass these two
      jsonWebTokenOptions: { complete: true, ignoreNotBefore: true },
      ignoreExpiration: true,
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: string) => void) => {
        const decoded = decode(token);
        const kid = decoded?.header['kid'];
        const issuer = decoded?.payload['iss'];
        const found =
          issuer === config.localIssuer
            ? Promise.resolve(local.publicKey(kid))
            : issuer === config.oidc?.issuer && outside !== undefined
              ? outside.find(kid)
              : Promise.resolve(undefined);
        found.then(
          (key) => {
            if (key === undefined) done(new Error('No trusted key verifies this token'));
            else done(null, key);
          },
          (error: unknown) => {
            done(error);
          },
        );
      },
    });
    this.#issuers = trustedIssuers(config);
    this.#passport.use(NAME, this);
  }

  /** Called by Passport once the signature holds. */
  validate(token: Decoded): AccessTokenClaims {
    return readAccessToken(token, { nowMs: this.clock.nowMs(), issuers: this.#issuers });
  }

  /** The claims of a token. @throws AppError invalid_token, dependency_unavailable */
  verify(token: string): Promise<AccessTokenClaims> {
    return new Promise((resolve, reject) => {
      const authenticate = this.#passport.authenticate(
        NAME,
        { session: false },
        (error: unknown, claims: AccessTokenClaims | false | null | undefined, failure: unknown) => {
          if (claims !== false && claims !== null && claims !== undefined) resolve(claims);
          else reject(refusal(error ?? failure));
        },
      ) as (request: object, response: object, next: (error: unknown) => void) => void;
      authenticate({ headers: { authorization: `Bearer ${token}` } }, {}, (error) => {
        reject(refusal(error));
      });
    });
  }
}

function refusal(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('invalid_token', 'The access token was refused: its signature cannot be verified.', { cause });
}

function trustedIssuers(config: IdentityConfig): readonly TrustedIssuer[] {
  const own = { issuer: config.localIssuer, audience: config.localAudience, own: true, roleClaim: null, roleMap: {} };
  return config.oidc === null ? [own] : [own, { ...config.oidc, own: false }];
}
