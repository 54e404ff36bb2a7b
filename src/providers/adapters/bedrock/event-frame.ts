import { crc32 } from 'node:zlib';

/** Bytes of the prelude: length of the message, length of its headers, CRC-32 of both. */
export const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
/** No event may be larger, in any dialect. */
const MAX_FRAME_BYTES = 1024 * 1024;
const STRING = 7;
/** Bytes of a value by its type; null: two bytes of length come before it. Types: true, false, byte, short, integer, long, bytes,
 *  string, timestamp, UUID. */
const VALUE_BYTES: readonly (number | null)[] = [0, 0, 1, 2, 4, 8, null, null, 8, 16];

/** One message of AWS's binary event stream. */
export interface EventFrame {
  /** Headers whose value is a text: `:message-type`, `:event-type`, `:content-type` … */
  readonly headers: ReadonlyMap<string, string>;
  /** A view of the bytes that were given. */
  readonly payload: Buffer;
}

/** A message that is not what its lengths and check sums say: what follows cannot be read. */
export class BrokenFrame extends Error {
  override readonly name = 'BrokenFrame';
}

/** Bytes of the message that begins with this prelude. Attacker-controlled.
 *  @throws BrokenFrame — its check sum is wrong, or it is larger than 1 MiB */
export function frameBytes(prelude: Buffer): number {
  const total = prelude.readUInt32BE(0);
  const headers = prelude.readUInt32BE(4);
  if (crc32(prelude.subarray(0, 8)) !== prelude.readUInt32BE(8)) throw new BrokenFrame('an event has a broken prelude');
  if (total > MAX_FRAME_BYTES) throw new BrokenFrame('one event of its answer is larger than 1 MiB');
  if (total < PRELUDE_BYTES + headers + CRC_BYTES) throw new BrokenFrame('an event is shorter than its headers');
  return total;
}

/** Reads one whole message, whose prelude has been checked. Attacker-controlled. Source: AWS, event stream encoding
 *  (`application/vnd.amazon.eventstream`). @throws BrokenFrame — its check sum is wrong, or its headers cannot be read */
export function readFrame(frame: Buffer): EventFrame {
  const end = frame.length - CRC_BYTES;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end))
    throw new BrokenFrame('an event has a wrong check sum');
  const payloadAt = PRELUDE_BYTES + frame.readUInt32BE(4);
  return {
    headers: readHeaders(frame.subarray(PRELUDE_BYTES, payloadAt)),
    payload: frame.subarray(payloadAt, end),
  };
}

function readHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const take = (at: number, count: number): number => {
    if (at + count > bytes.length) throw new BrokenFrame('the headers of an event cannot be read');
    return at + count;
  };
  for (let at = 0; at < bytes.length;) {
    const nameAt = take(at, 1);
    const typeAt = take(nameAt, bytes[at] ?? 0);
    const lengthAt = take(typeAt, 1);
    const type = bytes[typeAt] ?? VALUE_BYTES.length;
    const fixed = VALUE_BYTES[type];
    if (fixed === undefined) throw new BrokenFrame('the headers of an event cannot be read');
    const valueAt = fixed === null ? take(lengthAt, 2) : lengthAt;
    at = take(valueAt, fixed ?? bytes.readUInt16BE(lengthAt));
    if (type === STRING) headers.set(bytes.toString('utf8', nameAt, typeAt), bytes.toString('utf8', valueAt, at));
  }
  return headers;
}
