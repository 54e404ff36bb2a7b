import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { encodeSseData } from './sse-encode.js';
import { SseLimitError, SseParser, type SseEvent } from './sse-parser.js';

function parse(text: string, cuts: readonly number[] = []): readonly SseEvent[] {
  const bytes = Buffer.from(text);
  const parser = new SseParser();
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  const events = edges.flatMap((edge, at) => [...parser.push(bytes.subarray(edges[at - 1] ?? 0, edge))]);
  return [...events, ...parser.end()];
}

const shown = (events: readonly SseEvent[]) =>
  events.map(({ data, event, raw }) => [data, event, raw === null ? null : Buffer.from(raw).toString()]);

describe('SseParser', () => {
  it.each([
    ['LF', 'data: a\n\ndata: b\n\n'],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n'],
    ['CR', 'data: a\r\rdata: b\r\r'],
  ])('reads lines that end with %s', (_name, text) => {
    expect(parse(text).map(({ data }) => data)).toEqual(['a', 'b']);
  });

  it('hands out the exact bytes of an event that may be forwarded', () => {
    expect(shown(parse('data: {"a":1}\n\ndata:x\n\n'))).toEqual([
      ['{"a":1}', '', 'data: {"a":1}\n\n'],
      ['x', '', 'data:x\n\n'],
    ]);
  });

  it('does not forward events with comments, names or several lines', () => {
    expect(shown(parse(': hi\ndata: a\n\nevent: error\ndata: b\n\ndata: c\ndata: d\n\n'))).toEqual([
      ['a', '', null],
      ['b', 'error', null],
      ['c\nd', '', null],
    ]);
  });

  it('counts comments, skips a byte order mark and fields without data', () => {
    const parser = new SseParser();
    const events = parser.push(Buffer.from('\uFEFF: one\n\nid: 7\n\n: two\n\ndata\n\n'));
    expect(events.map(({ data }) => data)).toEqual(['']);
    expect(parser.comments).toBe(2);
  });

  it('reads a last event without its blank line', () => {
    expect(shown(parse('data: a\n\ndata: [DONE]'))).toEqual([
      ['a', '', 'data: a\n\n'],
      ['[DONE]', '', null],
    ]);
  });

  it('takes an event at the limit and refuses one past it, split or not', () => {
    const event = (size: number): Buffer => Buffer.from(`data: ${'x'.repeat(size - 6)}\n\n`);
    expect(new SseParser(64).push(event(62))).toHaveLength(1);
    expect(() => new SseParser(64).push(event(66))).toThrow(SseLimitError);
    const parser = new SseParser(64);
    expect(() => Array.from(event(66), (byte) => parser.push(Buffer.of(byte)))).toThrow(SseLimitError);
  });

  it('same bytes in, same events out, however they are split', () => {
    const line = fc.constantFrom('data: ü€😀', 'data:{"a":"b"}', ': c', 'event: error', 'data', 'id: 1', '');
    const end = fc.constantFrom('\n', '\r\n', '\r');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(line, end), { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (lines, cuts) => {
          const text = lines.flat().join('');
          expect(shown(parse(text, cuts))).toEqual(shown(parse(text)));
        },
      ),
    );
  });

  it('reads what we write', () => {
    expect(parse(encodeSseData('{"a":"\\n"}').toString()).map(({ data }) => data)).toEqual(['{"a":"\\n"}']);
  });
});
