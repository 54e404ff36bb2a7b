import { hash } from 'node:crypto';

/** The three digests of a lane's newest core; empty text before its first record. Lower-case hex. */
export interface Heads {
  readonly sha256: string;
  readonly sha512: string;
  readonly sha3: string;
}

/** Heads of a lane without records. */
export const NO_HEADS: Heads = { sha256: '', sha512: '', sha3: '' };

const LEAF_PREFIX = 0;
const LEAF_ROOM = 64 * 1024;
// One-shot hashing is several times cheaper than a hash object; it needs prefix and core side by side.
const leafRoom = Buffer.alloc(LEAF_ROOM);
leafRoom[0] = LEAF_PREFIX;

/** The three digests of one core. */
export function headsOf(core: string | Uint8Array): Heads {
  return {
    sha256: hash('sha256', core, 'hex'),
    sha512: hash('sha512', core, 'hex'),
    sha3: hash('sha3-256', core, 'hex'),
  };
}

/** True when all three digests agree. */
export function sameHeads(a: Heads, b: Heads): boolean {
  return a.sha256 === b.sha256 && a.sha512 === b.sha512 && a.sha3 === b.sha3;
}

/** RFC 6962 leaf hash: SHA-256(0x00 ‖ core). 32 bytes. Source: RFC 6962 §2.1. */
export function leafHash(core: Uint8Array): Buffer {
  const size = core.length + 1;
  const room = size <= LEAF_ROOM ? leafRoom : Buffer.alloc(size);
  room.set(core, 1);
  return hash('sha256', room.subarray(0, size), 'buffer');
}

/** The `prev` member of the next core, canonical. */
export function prevMember(heads: Heads): string {
  return `{"sha256":"${heads.sha256}","sha3-256":"${heads.sha3}","sha512":"${heads.sha512}"}`;
}
