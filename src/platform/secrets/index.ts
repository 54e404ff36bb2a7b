export { ensureSecret, makeKey, makeSigningKey, readSecret, SecretFileError } from './secret-files.js';
