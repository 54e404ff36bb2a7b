import { crc32 } from 'node:zlib';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { encodeEvents, encodeException, encodeFrame } from '../../../../test/support/event-stream.js';
import type { UpstreamFailure } from '../failure.js';
import type { AnswerSink } from '../answer-reader.js';
import { EventStreamReader } from './event-stream.js';

class Sink implements AnswerSink {
  readonly seen: string[] = [];
  failure: UpstreamFailure | null = null;
  isOver = false;
  readonly billed = 'maybe';
  event({ event: type }: { event: string }, json: unknown): void {
    this.seen.push(`${type} ${JSON.stringify(json)}`);
  }
  body(): void {
    this.seen.push('body');
  }
  close(): void {
    this.seen.push('closed');
  }
  fail({ failure }: { failure: UpstreamFailure }): void {
    this.isOver = true;
    this.failure = failure;
  }
}

function read(bytes: Buffer, cuts: readonly number[] = []): Sink {
  const sink = new Sink();
  const reader = new EventStreamReader(sink);
  reader.accept(200, { 'content-type': 'application/vnd.amazon.eventstream' });
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  reader.push(bytes.subarray(from));
  reader.end();
  return sink;
}

const STREAM = encodeEvents(
  { messageStart: { role: 'assistant' } },
  { contentBlockDelta: { contentBlockIndex: 0, delta: { text: 'Grüße' } } },
  { messageStop: { stopReason: 'end_turn' } },
);

describe('EventStreamReader', () => {
  it('hands on events by their type', () => {
    expect(read(STREAM).seen).toEqual([
      'messageStart {"role":"assistant"}',
      'contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Grüße"}}',
      'messageStop {"stopReason":"end_turn"}',
      'closed',
    ]);
  });

  it('same bytes in, same bytes out, however they are split', () => {
    const whole = read(STREAM).seen;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 12 }), (cuts) => {
        expect(read(STREAM, cuts).seen).toEqual(whole);
      }),
    );
    expect(read(STREAM, Array.from(STREAM.keys())).seen).toEqual(whole);
  });

  it('a flipped bit anywhere is malformed, or an answer that does not end', () => {
    for (let at = 0; at < STREAM.length; at += 1) {
      const broken = Buffer.from(STREAM);
      broken.writeUInt8(broken.readUInt8(at) ^ 1, at);
      const { failure, seen } = read(broken);
      expect(failure?.class === 'malformed' || !seen.some((one) => one.startsWith('messageStop'))).toBe(true);
    }
  });

  it('a cut anywhere gives what came whole and nothing else', () => {
    for (let cut = 0; cut < STREAM.length; cut += 1) {
      const { seen, failure } = read(STREAM.subarray(0, cut));
      expect(failure).toBeNull();
      expect(read(STREAM).seen.slice(0, seen.length - 1)).toEqual(seen.slice(0, -1));
      expect(seen.at(-1)).toBe('closed');
    }
  });

  it('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        read(Buffer.from(bytes));
      }),
    );
  });

  it('skips headers that are no text, of every type', () => {
    const value = (type: number, ...bytes: readonly number[]): readonly number[] => [1, 120, type, ...bytes];
    const others = [
      ...value(0),
      ...value(1),
      ...value(2, 9),
      ...value(3, 9, 9),
      ...value(4, 9, 9, 9, 9),
      ...value(5, 9, 9, 9, 9, 9, 9, 9, 9),
      ...value(6, 0, 2, 9, 9),
      ...value(8, 9, 9, 9, 9, 9, 9, 9, 9),
      ...value(9, ...Array.from({ length: 16 }, () => 9)),
    ];
    expect(read(withHeaders(others)).seen).toEqual(['e {}', 'closed']);
    expect(read(withHeaders(value(10))).failure?.class).toBe('malformed');
    expect(read(withHeaders(value(6, 0, 200))).failure?.class).toBe('malformed');
  });

  it.each([
    ['throttlingException', { message: 'slow down' }, 'rate_limited'],
    ['serviceUnavailableException', { message: 'busy' }, 'overloaded'],
    ['modelStreamErrorException', { originalStatusCode: 500, originalMessage: 'x' }, 'server'],
    ['internalServerException', {}, 'server'],
    ['validationException', { message: 'Input is too long for requested model.' }, 'context'],
    ['validationException', { message: 'messages: no' }, 'caller'],
    ['aNewException', {}, 'server'],
  ])('ends an answer with the exception %s %j as %s', (name, body, expected) => {
    const { failure } = read(Buffer.concat([STREAM.subarray(0, STREAM.readUInt32BE(0)), encodeException(name, body)]));
    expect(failure).toMatchObject({ class: expected, outcome: expect.any(String), vendorCode: name, billed: 'maybe' });
  });

  it('ends an answer with an error that is no exception', () => {
    const error = { ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'no' };
    expect(read(encodeFrame(error, '')).failure).toMatchObject({ class: 'server', vendorCode: 'InternalFailure' });
  });

  it('refuses frames larger than 1 MiB before they are read', () => {
    const { failure } = read(preludeOf(64 * 1024 * 1024, 0));
    expect(failure).toMatchObject({
      class: 'malformed',
      publicMessage: 'one event of its answer is larger than 1 MiB',
    });
  });

  it('refuses frames that are shorter than their headers', () => {
    expect(read(preludeOf(20, 8)).failure?.class).toBe('malformed');
  });

  it('reads whole bodies, and refuses other content types', () => {
    const sink = new Sink();
    const reader = new EventStreamReader(sink);
    reader.accept(200, { 'content-type': 'application/json' });
    reader.push(Buffer.from('{"a":'));
    reader.push(Buffer.from('1}'));
    reader.end();
    expect(sink.seen).toEqual(['body', 'closed']);
    const other = new Sink();
    new EventStreamReader(other).accept(200, { 'content-type': 'text/html' });
    expect(other.failure?.class).toBe('malformed');
  });
});

function preludeOf(total: number, headers: number): Buffer {
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(total, 0);
  prelude.writeUInt32BE(headers, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  return prelude;
}

/** An event called `e` with these bytes among its headers. */
function withHeaders(bytes: readonly number[]): Buffer {
  const plain = encodeFrame({ ':message-type': 'event', ':event-type': 'e' }, '{}');
  const headers = Buffer.concat([Buffer.from(bytes), plain.subarray(12, 12 + plain.readUInt32BE(4))]);
  const message = Buffer.concat([preludeOf(18 + headers.length, headers.length), headers, Buffer.from('{}')]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, sum]);
}
