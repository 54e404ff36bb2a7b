import JwksRsa from 'jwks-rsa';
import { request } from 'undici';

import type { Clock } from '../platform/clock/index.js';
import { AppError } from '../platform/errors/index.js';

const FRESH_MS = 600_000;
const RETRY_MS = 30_000;
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5_000;

/** The signing keys of an outside issuer, found by OIDC discovery. Read at most once in 10 minutes, and once more per 30 seconds
 *  when a token names a key that is not among them, so that nobody can make us hammer the issuer. */
export class OutsideKeys {
  #keys: ReadonlyMap<string, string> = new Map();
  #readAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly issuer: string,
    private readonly clock: Clock,
  ) {}

  /** The PEM that verifies tokens signed with `kid`; `undefined` for a key the issuer does not publish.
   *  @throws AppError dependency_unavailable — the issuer cannot be read and its key is not known yet */
  async find(kid: unknown): Promise<string | undefined> {
    if (typeof kid !== 'string') return undefined;
    const nowMs = this.clock.nowMs();
    const stale = nowMs - this.#readAtMs >= FRESH_MS || !this.#keys.has(kid);
    if (stale && nowMs - this.#triedAtMs >= RETRY_MS) {
      this.#triedAtMs = nowMs;
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
    }
    try {
      await this.#reading;
    } catch (error) {
      if (!this.#keys.has(kid)) throw unreadable(error);
    }
    if (this.#readAtMs === -Infinity) throw unreadable(undefined);
    return this.#keys.get(kid);
  }

  async #read(): Promise<void> {
    const base = this.issuer.replace(/\/$/, '');
    const document = (await readJson(`${base}/.well-known/openid-configuration`)) as {
      issuer?: unknown;
      jwks_uri?: unknown;
    };
    if (document.issuer !== this.issuer || typeof document.jwks_uri !== 'string') {
      throw new Error('The discovery document belongs to another issuer or names no key set');
    }
    const client = JwksRsa({
      jwksUri: document.jwks_uri,
      cache: false,
      rateLimit: false,
      fetcher: async (uri) => (await readJson(uri)) as { keys: unknown },
    });
    const keys = await client.getSigningKeys();
    this.#keys = new Map(
      keys.flatMap((key) => (typeof key.kid === 'string' ? [[key.kid, key.getPublicKey()] as const] : [])),
    );
    this.#readAtMs = this.clock.nowMs();
  }
}

/** A JSON document of at most 256 KiB, within 5 seconds. */
async function readJson(url: string): Promise<unknown> {
  const { statusCode, body } = await request(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('The issuer answered with more than 256 KiB');
    chunks.push(chunk);
  }
  if (statusCode !== 200) throw new Error(`The issuer answered with status ${String(statusCode)}`);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function unreadable(cause: unknown): AppError {
  return new AppError(
    'dependency_unavailable',
    'The keys of the identity provider cannot be read at the moment. Try again shortly.',
    { cause, retryAfterSeconds: 5 },
  );
}
