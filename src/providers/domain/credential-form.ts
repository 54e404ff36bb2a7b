import { AppError } from '../../platform/errors/index.js';
import { AWS_KEYS_FORM, readAwsKeys } from './aws-keys.js';
import type { StoredCredential } from './credential.js';

/** Refuses a secret that its scheme cannot use, when it is saved and not at the first call; the message says nothing of it.
 *  @throws AppError invalid_value */
export function requireForm(scheme: StoredCredential['scheme'], secret: string): void {
  if (scheme === 'sigv4' && readAwsKeys(secret) === undefined)
    throw new AppError('invalid_value', `secret: scheme sigv4 needs ${AWS_KEYS_FORM}.`, { param: 'secret' });
}

/** The part of a secret that tells it from others: of keys of AWS their id, which is no secret, else all of it. */
export function tellingPart(scheme: StoredCredential['scheme'], secret: string): string {
  return (scheme === 'sigv4' ? readAwsKeys(secret)?.accessKeyId : undefined) ?? secret;
}
