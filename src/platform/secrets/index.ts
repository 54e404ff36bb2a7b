export { hintOf, Secret } from './secret.js';
export { SecretBox, type Sealed, type SealPlace } from './secret-box.js';
export { ensureSecret, makeKey, makePassword, makeSigningKey, readSecret, SecretFileError } from './secret-files.js';
