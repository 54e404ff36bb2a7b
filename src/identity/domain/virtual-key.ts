import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 43;
const CHECK_LENGTH = 6;
const PREFIX_LENGTH = 'aip_live_'.length;
const LENGTH = PREFIX_LENGTH + ID_LENGTH + SECRET_LENGTH + CHECK_LENGTH;
const KEY = /^aip_(?:live|test)_[0-9A-Za-z]{61}$/;

/** The parts of a well-formed key. */
export interface KeyParts {
  /** `true` for `aip_live_…`, `false` for `aip_test_…` (simulated partners only). */
  readonly live: boolean;
  /** 12 base62 characters: names the row, is no secret. */
  readonly publicId: string;
  /** 43 base62 characters, 256 bits. Never stored, never logged. */
  readonly secret: string;
}

/** A new key: what is shown once, and what is kept. */
export interface IssuedKey {
  readonly text: string;
  readonly publicId: string;
  readonly secretSha256: Buffer;
}

/** True when `token` claims to be one of our keys, well-formed or not. */
export function looksLikeKey(token: string): boolean {
  return token.startsWith('aip_live_') || token.startsWith('aip_test_');
}

/** Splits a key whose checksum holds. `undefined`: mistyped, cut or made up; no row needs to be looked up. Attacker-controlled. */
export function parseKey(token: string): KeyParts | undefined {
  if (token.length !== LENGTH || !KEY.test(token)) return undefined;
  const body = token.slice(0, LENGTH - CHECK_LENGTH);
  if (checksum(body) !== token.slice(LENGTH - CHECK_LENGTH)) return undefined;
  const idEnd = PREFIX_LENGTH + ID_LENGTH;
  return { live: token.startsWith('aip_live_'), publicId: body.slice(PREFIX_LENGTH, idEnd), secret: body.slice(idEnd) };
}

/** SHA-256 of the secret's ASCII characters, 32 bytes. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Writes a key from 8 + 32 unpredictable bytes. */
export function issueKey(options: {
  readonly live: boolean;
  readonly idBytes: Buffer;
  readonly secretBytes: Buffer;
}): IssuedKey {
  if (options.idBytes.length !== 8 || options.secretBytes.length !== 32) {
    throw new RangeError('A key is made of 8 + 32 bytes');
  }
  const publicId = base62(BigInt(`0x${options.idBytes.toString('hex')}`), ID_LENGTH);
  const secret = base62(BigInt(`0x${options.secretBytes.toString('hex')}`), SECRET_LENGTH);
  const body = `aip_${options.live ? 'live' : 'test'}_${publicId}${secret}`;
  return { text: body + checksum(body), publicId, secretSha256: hashSecret(secret) };
}

/** CRC-32 (IEEE 802.3) of the text before it, 6 base62 digits. */
function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let place = 0; place < CHECK_LENGTH; place++) {
    text = (ALPHABET[rest % 62] ?? '') + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let text = '';
  for (let place = 0; place < length; place++) {
    text = (ALPHABET[Number(rest % 62n)] ?? '') + text;
    rest /= 62n;
  }
  return text;
}
