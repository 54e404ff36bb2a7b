import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 16 * 256;
const pool = Buffer.alloc(POOL_BYTES);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
let used = POOL_BYTES;
let lastMs = 0;
let counter = 0;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a lower-case UUID in its canonical form. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** `size` unpredictable bytes from a pool: one system call serves 256 callers. A copy, the caller owns it. */
export function randomBytes16(): Buffer {
  if (used + 16 > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + 16));
  used += 16;
  return bytes;
}

/** A UUIDv7, lower case; ids made by one process never fall. Source: RFC 9562 §5.7 with a 12-bit counter (§6.2 method 1). */
export function newId(): string {
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const random = randomBytes16();
  const high = Math.floor(lastMs / 0x10000);
  const byte = (value: number): string => HEX[value & 0xff] ?? '';
  const at = (index: number): string => HEX[random[index] ?? 0] ?? '';
  return (
    `${byte(high >>> 24)}${byte(high >>> 16)}${byte(high >>> 8)}${byte(high)}-` +
    `${byte(lastMs / 0x100)}${byte(lastMs)}-${byte(0x70 | (counter >>> 8))}${byte(counter)}-` +
    `${byte(0x80 | ((random[8] ?? 0) & 0x3f))}${at(9)}-${at(10)}${at(11)}${at(12)}${at(13)}${at(14)}${at(15)}`
  );
}

/** A number in [0, 1) that nobody needs to guess or replay: jitter and load spreading only. */
export function jitter(): number {
  return Math.random();
}

/** The same numbers in [0, 1) for the same seed, for ever (mulberry32). Seed: any 32-bit integer. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
