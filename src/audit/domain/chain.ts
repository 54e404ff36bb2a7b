import { createHash, hash } from 'node:crypto';

/** The three digests of a lane's newest core; empty text before its first record. Lower-case hex. */
export interface Heads {
  readonly sha256: string;
  readonly sha512: string;
  readonly sha3: string;
}

/** Heads of a lane without records. */
export const NO_HEADS: Heads = { sha256: '', sha512: '', sha3: '' };

const LEAF_PREFIX = Buffer.from([0]);

/** The three digests of one core. */
export function headsOf(core: string | Uint8Array): Heads {
  return {
    sha256: hash('sha256', core, 'hex'),
    sha512: hash('sha512', core, 'hex'),
    sha3: hash('sha3-256', core, 'hex'),
  };
}

/** RFC 6962 leaf hash: SHA-256(0x00 ‖ core). 32 bytes. Source: RFC 6962 §2.1. */
export function leafHash(core: string | Uint8Array): Buffer {
  return createHash('sha256').update(LEAF_PREFIX).update(core).digest();
}

/** The `prev` member of the next core, canonical. */
export function prevMember(heads: Heads): string {
  return `{"sha256":"${heads.sha256}","sha3-256":"${heads.sha3}","sha512":"${heads.sha512}"}`;
}
