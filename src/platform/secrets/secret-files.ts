import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** A secret file is missing or readable by others. The message names the file and the command that mends it. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
}

/** Reads a secret file. @throws SecretFileError when it is missing, or group or world may read it */
export function readSecret(file: string): Buffer {
  if (!existsSync(file)) throw new SecretFileError(`${file} is missing. Make it with: aip secrets init`);
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new SecretFileError(`${file} can be read by others. Mend it with: chmod 600 ${file}`);
  }
  return readFileSync(file);
}

/** Writes a new secret file (0600 in a 0700 directory), durable on return; an existing one is left as it is.
 *  Returns whether it was made. */
export function ensureSecret(file: string, make: () => Buffer | string): boolean {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file)) return false;
  const handle = openSync(file, 'wx', 0o600);
  try {
    const content = make();
    writeSync(handle, typeof content === 'string' ? Buffer.from(content) : content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  chmodSync(file, 0o600);
  return true;
}

/** 32 unpredictable bytes, for symmetric keys. */
export function makeKey(): Buffer {
  return randomBytes(32);
}

/** A P-256 private key as PKCS#8 PEM, for ES256 tokens. */
export function makeSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** 256 unpredictable bits as letters, digits, `-` and `_`: safe in a URL without escapes. */
export function makePassword(): string {
  return randomBytes(32).toString('base64url');
}
