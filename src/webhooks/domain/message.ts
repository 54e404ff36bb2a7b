import type { MessageFormat } from './webhook.js';

/** Longest body. Source: Standard Webhooks, §Payload size: small, below 20 kB. */
export const MAX_BODY_BYTES = 20_000;

/** What happened. `seq` is null for what is not in the outbox. */
export interface Notice {
  readonly id: string;
  readonly type: string;
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly seq: number | null;
}

/** A message as it goes out. */
export interface Message {
  readonly body: string;
  readonly contentType: string;
}

/** Writes a notice as a message: the same text for the same notice. A notice that is too long is named, and its data left to the
 *  event feed: `data.omitted` is true. */
export function writeMessage(event: Notice, format: MessageFormat, instance: string): Message {
  const place = event.seq === null ? {} : { seq: event.seq };
  const whole = envelope(event, { ...event.data, ...place }, { format, instance });
  if (Buffer.byteLength(whole.body) <= MAX_BODY_BYTES) return whole;
  return envelope(event, { ...place, omitted: true }, { format, instance });
}

function envelope(
  event: Notice,
  data: Readonly<Record<string, unknown>>,
  { format, instance }: { readonly format: MessageFormat; readonly instance: string },
): Message {
  const time = new Date(event.atMs).toISOString();
  if (format === 'standard') {
    return { contentType: 'application/json', body: JSON.stringify({ type: event.type, timestamp: time, data }) };
  }
  // Source: CloudEvents 1.0, JSON event format, structured mode.
  return {
    contentType: 'application/cloudevents+json',
    body: JSON.stringify({
      specversion: '1.0',
      id: event.id,
      source: `urn:aip:${instance}`,
      type: `aip.${event.type}`,
      time,
      datacontenttype: 'application/json',
      data,
    }),
  };
}
