export { ensureSecret, makeKey, makePassword, makeSigningKey, readSecret, SecretFileError } from './secret-files.js';
