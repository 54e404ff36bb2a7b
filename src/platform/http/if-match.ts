import { AppError } from '../errors/index.js';

const ETAG = /^"(\d{1,15})"$/;

/** The version an update is based on, from `If-Match: "<version>"`.
 *  @throws AppError precondition_required — the header is missing; invalid_value — it is no version */
export function versionOf(ifMatch: string | undefined): number {
  if (ifMatch === undefined) {
    throw new AppError('precondition_required', 'Send If-Match with the version you read, for example If-Match: "3".');
  }
  const version = ETAG.exec(ifMatch)?.[1];
  if (version === undefined) {
    throw new AppError('invalid_value', 'If-Match must be one quoted version number, for example "3".', {
      param: 'If-Match',
    });
  }
  return Number(version);
}

/** @throws AppError version_conflict — someone changed the object since `expected` was read */
export function requireVersion(actual: number, expected: number): void {
  if (actual !== expected) {
    throw new AppError(
      'version_conflict',
      `The object is at version ${String(actual)}, not ${String(expected)}. Read it again and repeat your change.`,
    );
  }
}
