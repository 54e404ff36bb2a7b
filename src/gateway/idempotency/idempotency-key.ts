import { hash } from 'node:crypto';

import { AppError } from '../../platform/errors/index.js';

const MAX_KEY = 255;
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~:/-]+$/;

/** Reads `Idempotency-Key`: a structured-field string, or a bare token. Source: RFC 9651 §3.3.3, draft-ietf-httpapi-idempotency-key.
 *  @throws AppError invalid_value */
export function readIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header.trim() : '';
  const quoted = QUOTED.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  const key = quoted ?? (TOKEN.test(text) ? text : undefined);
  if (key === undefined || key.length === 0 || key.length > MAX_KEY) {
    throw new AppError(
      'invalid_value',
      `Idempotency-Key must be 1 to ${String(MAX_KEY)} visible characters, best as a quoted string.`,
      {
        param: 'Idempotency-Key',
      },
    );
  }
  return key;
}

/** 32 bytes that two requests share exactly when method, path, body and principal are the same. */
export function fingerprintOf(request: {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly userId: string;
}): Buffer {
  const bodyDigest = hash('sha256', request.body, 'hex');
  return hash('sha256', `${request.method}\n${request.path}\n${bodyDigest}\n${request.userId}`, 'buffer');
}
