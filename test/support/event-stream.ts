import { crc32 } from 'node:zlib';

/** Events as Bedrock streams them: one JSON object per event whose only member names it. */
export type NamedEvent = Readonly<Record<string, unknown>>;

/** One message of AWS's binary event stream with text headers. */
export function encodeFrame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const named = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(Buffer.byteLength(value));
      return Buffer.concat([
        Buffer.from([name.length]),
        Buffer.from(name),
        Buffer.from([7]),
        length,
        Buffer.from(value),
      ]);
    }),
  );
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(12 + named.length + Buffer.byteLength(payload) + 4, 0);
  prelude.writeUInt32BE(named.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const message = Buffer.concat([prelude, named, Buffer.from(payload)]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, sum]);
}

/** A stream of these events. */
export function encodeEvents(...events: readonly NamedEvent[]): Buffer {
  return Buffer.concat(
    events.flatMap((event) =>
      Object.entries(event).map(([name, body]) =>
        encodeFrame(
          { ':event-type': name, ':content-type': 'application/json', ':message-type': 'event' },
          JSON.stringify(body),
        ),
      ),
    ),
  );
}

/** An exception inside a stream. */
export function encodeException(name: string, body: unknown): Buffer {
  const headers = { ':exception-type': name, ':content-type': 'application/json', ':message-type': 'exception' };
  return encodeFrame(headers, JSON.stringify(body));
}

/** The events of a recorded stream, read without the product's code and without checking anything. All their headers are texts. */
export function decodeEvents(bytes: Buffer): readonly NamedEvent[] {
  const events: NamedEvent[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    const payloadAt = at + 12 + bytes.readUInt32BE(at + 4);
    const headers = new Map<string, string>();
    for (let header = at + 12; header < payloadAt;) {
      const nameEnd = header + 1 + bytes.readUInt8(header);
      const valueEnd = nameEnd + 3 + bytes.readUInt16BE(nameEnd + 1);
      headers.set(bytes.toString('utf8', header + 1, nameEnd), bytes.toString('utf8', nameEnd + 3, valueEnd));
      header = valueEnd;
    }
    const payload = bytes.toString('utf8', payloadAt, at + bytes.readUInt32BE(at) - 4);
    events.push({ [headers.get(':event-type') ?? '']: JSON.parse(payload) as unknown });
  }
  return events;
}
