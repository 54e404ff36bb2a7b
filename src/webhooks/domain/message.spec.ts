import { describe, expect, it } from '@jest/globals';

import { MAX_BODY_BYTES, writeMessage, type Notice } from './message.js';

const event: Notice = {
  id: '0190a000-0000-7000-8000-000000000001',
  type: 'budget.exhausted',
  atMs: Date.parse('2026-11-22T15:00:00.123Z'),
  data: { budgetId: 'b' },
  seq: 42,
};

describe('writeMessage', () => {
  it('writes type, timestamp and data with its place', () => {
    expect(writeMessage(event, 'standard', 'demo.invalid')).toEqual({
      contentType: 'application/json',
      body: '{"type":"budget.exhausted","timestamp":"2026-11-22T15:00:00.123Z","data":{"budgetId":"b","seq":42}}',
    });
  });

  it('writes a structured CloudEvent', () => {
    const { body, contentType } = writeMessage(event, 'cloudevents', 'demo.invalid');
    expect(contentType).toBe('application/cloudevents+json');
    expect(JSON.parse(body)).toEqual({
      specversion: '1.0',
      id: event.id,
      source: 'urn:aip:demo.invalid',
      type: 'aip.budget.exhausted',
      time: '2026-11-22T15:00:00.123Z',
      datacontenttype: 'application/json',
      data: { budgetId: 'b', seq: 42 },
    });
  });

  it('names a notice that is too long without its data', () => {
    const { body } = writeMessage({ ...event, data: { text: 'é'.repeat(MAX_BODY_BYTES / 2) } }, 'standard', 'x');
    expect(JSON.parse(body)).toMatchObject({ type: 'budget.exhausted', data: { seq: 42, omitted: true } });
    expect(Buffer.byteLength(body)).toBeLessThan(MAX_BODY_BYTES);
  });
});
