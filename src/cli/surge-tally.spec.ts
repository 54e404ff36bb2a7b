import { describe, expect, it } from '@jest/globals';

import { judgeAnswer, SurgeTally, type SurgeAnswer } from './surge-tally.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };
const answer = (change: Partial<SurgeAnswer>): SurgeAnswer => ({
  criticality: 'critical',
  status: 200,
  headers: JSON_TYPE,
  body: '{"choices":[]}',
  tookMs: 5,
  ...change,
});

describe('an answer of the surge', () => {
  it.each<[string, Partial<SurgeAnswer>, string]>([
    ['a whole answer', {}, 'answered'],
    ['a whole stream', { headers: SSE, body: 'data: {}\n\ndata: [DONE]\n\n' }, 'answered'],
    ['a stream that breaks off', { headers: SSE, body: 'data: {}\n\n' }, 'lost'],
    ['half an answer', { body: '{"choi' }, 'lost'],
    ['503 with a time to come back', { status: 503, headers: { 'retry-after': '2' } }, 'shed'],
    ['503 without one', { status: 503 }, 'lost'],
    ['a quota', { status: 429 }, 'refused'],
    ['a budget', { status: 402 }, 'refused'],
    ['partners that all failed', { status: 502 }, 'lost'],
    ['no answer', { status: 0, body: 'ECONNRESET' }, 'lost'],
  ])('%s', (_name, change, outcome) => {
    expect(judgeAnswer(answer(change))).toBe(outcome);
  });
});

describe('the figures of a surge', () => {
  it('count everything once, and what has no end as lost', () => {
    const tally = new SurgeTally();
    const answers = [
      answer({ headers: { ...JSON_TYPE, 'aip-provider': 'a', 'aip-attempts': '2', 'aip-overhead-ms': '3.0' } }),
      answer({ headers: { ...JSON_TYPE, 'aip-provider': 'a', 'aip-attempts': '1', 'aip-overhead-ms': '9.5' } }),
      answer({ status: 503, headers: { 'retry-after': '1' }, criticality: 'sheddable', tookMs: 30 }),
      answer({ status: 502, body: '{"error":{"code":"all_providers_failed"}}' }),
    ];
    for (let n = 0; n < answers.length + 1; n += 1) tally.noteSent();
    for (const one of answers) tally.add(one);
    expect(tally.figures()).toEqual({
      sent: 5,
      answered: 2,
      lost: 2,
      refused: 0,
      failedOver: 1,
      shed: { sheddable: 1 },
      admission: { p50: 3, p99: 9.5 },
      shedAfter: { p50: 30, p99: 30 },
      byProvider: { a: 2 },
      reasons: [['502 all_providers_failed', 1]],
    });
  });
});
