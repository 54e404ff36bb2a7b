import path from 'node:path';

import { keyEncryptionKeyFiles } from './audit/index.js';
import { SystemClock } from './platform/clock/index.js';
import type { Config } from './platform/config/index.js';
import { ensureSecret, makeKey, makePassword, makeSigningKey, readSecret } from './platform/secrets/index.js';

/** Files that must exist before anything starts; signing keys of evidence logs are made with their log, the database password to its launcher. */
function filesOf(config: Config): readonly { readonly file: string; readonly make: () => Buffer | string }[] {
  return [
    { file: config.identity.signingKeyFile, make: makeSigningKey },
    { file: config.providers.encryptionKeyFile, make: makeKey },
    ...keyEncryptionKeyFiles(config.audit, new SystemClock().nowMs()).map((file) => ({ file, make: makeKey })),
  ];
}

/** Makes missing secrets, or in production refuses and names each. Returns the files it made.
 *  @throws SecretFileError when one is missing and may not be made, or is readable by others */
export function initialiseSecrets(config: Config, options: { readonly create?: boolean } = {}): readonly string[] {
  const create = options.create ?? config.data.createMissingSecrets;
  const made: string[] = [];
  // A deployment with a database of its own reads the password from here; the embedded one makes it itself.
  const password = path.join(config.data.secretsDir, 'database');
  if (options.create === true && ensureSecret(password, makePassword)) made.push(password);
  for (const { file, make } of filesOf(config)) {
    if (create && ensureSecret(file, make)) made.push(file);
    readSecret(file);
  }
  return made;
}
