import { AppError } from '../errors/index.js';

const MAX_KEY = 255;
const KEY = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]+)"|([A-Za-z0-9!#$%&'*+.^_`|~:/-]+))$/;

/** The key of a POST that must not happen twice: `Idempotency-Key`, a structured-field string or a bare token of at most 255
 *  characters. Source: RFC 9651 §3.3.3. @throws AppError precondition_required — it is missing; invalid_value */
export function requireIdempotencyKey(header: string | undefined): string {
  if (header === undefined) {
    throw new AppError(
      'precondition_required',
      'Send an Idempotency-Key, so that a repeated request has no second effect.',
    );
  }
  const [, quoted, bare] = KEY.exec(header.trim()) ?? [];
  const key = quoted ?? bare;
  if (key === undefined || key.length > MAX_KEY) {
    throw new AppError(
      'invalid_value',
      'Idempotency-Key must be 1 to 255 visible characters, best as a quoted string.',
      {
        param: 'Idempotency-Key',
      },
    );
  }
  return key;
}
