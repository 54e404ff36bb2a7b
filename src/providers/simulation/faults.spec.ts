import { describe, expect, it } from '@jest/globals';

import { Clock } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';
import { formatAmount } from '../../platform/money/index.js';

import { Bill, type BillLine, chargeFor, NO_TOKENS } from './bill.js';
import { joinWrites, planStream } from './delivery-plan.js';
import { type Frame } from './dialect.js';
import { type Fault, FaultBoard, type FaultOrder, formatFault, parseFault } from './faults.js';
import { anthropicLimitHeaders, MinuteLimits, openAiLimitHeaders } from './minute-limits.js';
import { SIMULATED_PARTNERS } from './partners.js';

class SteppedClock extends Clock {
  #nowMs = 1_800_000_000_000;
  #timers: { atMs: number; work: () => void }[] = [];

  override nowMs = () => this.#nowMs;
  override nowMicros = () => this.#nowMs * 1000;
  override monotonicMs = () => this.#nowMs;

  override after(delayMs: number, work: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(byMs: number) {
    this.#nowMs += byMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { work } of due) work();
  }
}

const KINDS =
  'outage reset reset:connect dns tls http:503 throttle slow-headers stall:before stall:after drip malformed error-in-200 truncate cut:before cut:after huge no-usage wrong-usage';

describe('parseFault', () => {
  it.each(KINDS.split(' '))('reads %s and writes it back', (text) => {
    expect(formatFault(parseFault(text))).toBe(text);
  });

  it.each(['', 'stall', 'http:200', 'http:600', 'http:', 'OUTAGE'])('refuses "%s" and lists the kinds', (text) => {
    expect(() => parseFault(text)).toThrow(AppError);
    expect(() => parseFault(text)).toThrow(/outage, reset, .*stall:before.*http:/);
  });
});

describe('FaultBoard', () => {
  const setUp = () => {
    const clock = new SteppedClock();
    const board = new FaultBoard(clock, 7);
    const order = (change: Partial<FaultOrder> = {}): FaultOrder => ({
      partner: 'sim-economy',
      fault: { kind: 'throttle' },
      ratio: 1,
      untilMs: clock.nowMs() + 60_000,
      ...change,
    });
    return { clock, board, order };
  };

  it('meets only its partner and model, and only until its end', () => {
    const { clock, board, order } = setUp();
    board.set(order({ model: 'sim-small' }));
    expect(board.drawForRequest('sim-economy', 'sim-small')).toEqual({ kind: 'throttle' });
    expect(board.drawForRequest('sim-economy', 'sim-embed')).toBeUndefined();
    expect(board.drawForRequest('sim-realtime', 'sim-small')).toBeUndefined();
    clock.advance(60_000);
    expect(board.drawForRequest('sim-economy', 'sim-small')).toBeUndefined();
    expect(board.list()).toEqual([]);
  });

  it('meets the asked share of requests, the same ones for the same seed', () => {
    const draws = () => {
      const { board, order } = setUp();
      board.set(order({ ratio: 0.3 }));
      return Array.from({ length: 2_000 }, () => board.drawForRequest('sim-economy', 'sim-small') !== undefined);
    };
    expect(draws()).toEqual(draws());
    expect(draws().filter(Boolean).length / 2_000).toBeCloseTo(0.3, 1);
  });

  it('announces outages when they begin, end by themselves and are cleared', () => {
    const { clock, board, order } = setUp();
    const states: boolean[] = [];
    board.subscribe((partner) => states.push(board.isOut(partner)));
    board.set(order({ fault: { kind: 'outage' } }));
    clock.advance(60_000);
    board.set(order({ fault: { kind: 'outage' }, untilMs: clock.nowMs() + 1 }));
    expect(board.clear({ kind: 'outage' })).toBe(1);
    expect(states).toEqual([true, false, true, false]);
  });

  it.each<[string, Partial<FaultOrder>]>([
    ['a ratio above 1', { ratio: 1.01 }],
    ['a negative ratio', { ratio: -0.01 }],
    ['a ratio that is no number', { ratio: Number.NaN }],
    ['an end in the past', { untilMs: 0 }],
    ['an unknown model', { model: 'gpt' }],
    ['an outage for some requests', { fault: { kind: 'outage' }, ratio: 0.5 }],
    ['an outage of one model', { fault: { kind: 'outage' }, model: 'sim-small' }],
    ['a connection reset of one model', { fault: { kind: 'reset:connect' }, model: 'sim-small' }],
    ['a lost name of one model', { fault: { kind: 'dns' }, model: 'sim-small' }],
    ['a broken handshake of one model', { fault: { kind: 'tls' }, model: 'sim-small' }],
  ])('refuses %s', (_name, change) => {
    const { board, order } = setUp();
    expect(() => board.set(order(change))).toThrow(AppError);
  });

  it.each(['reset:connect', 'dns', 'tls'] as const)('%s meets connections, not requests', (kind) => {
    const { board, order } = setUp();
    board.set(order({ fault: { kind }, ratio: 0.5 }));
    const drawn = Array.from({ length: 1_000 }, () => board.drawsForConnection('sim-economy', kind));
    expect(drawn.filter(Boolean).length / 1_000).toBeCloseTo(0.5, 1);
    expect([board.isHardToReach('sim-economy'), board.isHardToReach('sim-realtime')]).toEqual([true, false]);
    expect(board.drawForRequest('sim-economy', 'sim-small')).toBeUndefined();
  });

  it('holds 64 faults and not one more', () => {
    const { board, order } = setUp();
    for (let count = 0; count < 64; count += 1) board.set(order());
    expect(() => board.set(order())).toThrow(/At most 64/);
  });
});

describe('planStream', () => {
  const frame = (text: string, stage: Frame['stage']): Frame => ({ text, stage, tokens: stage === 'delta' ? 2 : 0 });
  const frames = [
    frame('role ', 'start'),
    ...['a ', 'b ', 'c ', 'd '].map((text) => frame(text, 'delta')),
    frame('finish ', 'end'),
    frame('done', 'end'),
  ];
  const told = (fault?: Fault) =>
    planStream(frames, fault, { tokenMs: 10, dripMs: 5, error: 'ERROR', huge: () => 'HUGE ' })
      .map((step) => (step.kind === 'bytes' ? step.text : `<${step.kind}>`))
      .join('');

  it.each<[Fault | undefined, string]>([
    [undefined, 'role a b c d finish done<end>'],
    [{ kind: 'stall:before' }, 'role <stall>'],
    [{ kind: 'cut:before' }, 'role <cut>'],
    [{ kind: 'stall:after' }, 'role a b <stall>'],
    [{ kind: 'cut:after' }, 'role a b <cut>'],
    [{ kind: 'truncate' }, 'role a b <end>'],
    [{ kind: 'error-in-200' }, 'ERROR<end>'],
    [{ kind: 'huge' }, 'role HUGE a b c d finish done<end>'],
    [{ kind: 'drip' }, 'role a b c d finish done<end>'],
    [{ kind: 'no-usage' }, 'role a b c d finish done<end>'],
  ])('tells %j as planned', (fault, expected) => {
    expect(told(fault)).toBe(expected);
  });

  it('paces tokens and counts each once, dripping or not', () => {
    for (const fault of [undefined, { kind: 'drip' } as const]) {
      const steps = planStream(frames, fault, { tokenMs: 10, dripMs: 5, error: '', huge: () => '' });
      expect(steps.reduce((total, step) => total + (step.kind === 'bytes' ? step.tokens : 0), 0)).toBe(8);
    }
  });
});

describe('joinWrites', () => {
  it('joins what has no delay and keeps text, tokens, delays and the end', () => {
    const bytes = (text: string, delayMs: number) => ({ kind: 'bytes' as const, text, tokens: 1, delayMs });
    expect(joinWrites([bytes('a', 5), bytes('b', 0), bytes('c', 7), bytes('d', 0), { kind: 'cut' }])).toEqual([
      { kind: 'bytes', text: 'ab', tokens: 2, delayMs: 5 },
      { kind: 'bytes', text: 'cd', tokens: 2, delayMs: 7 },
      { kind: 'cut' },
    ]);
    expect(joinWrites([bytes('a'.repeat(16_384), 0), bytes('b', 0)])).toHaveLength(2);
  });
});

describe('MinuteLimits', () => {
  it('counts down, refuses past the limit and starts afresh with the next minute', () => {
    const limits = new MinuteLimits({ requestsPerMinute: 2, tokensPerMinute: 100 });
    const nowMs = 1_800_000_000_000 + 17_500;
    expect(limits.take(nowMs, 60)).toBe(true);
    expect(limits.take(nowMs, 41)).toBe(false);
    expect(limits.take(nowMs, 40)).toBe(true);
    expect(limits.take(nowMs, 0)).toBe(false);
    const state = limits.state(nowMs);
    expect(openAiLimitHeaders(state, nowMs)).toMatchObject({
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '42.5s',
      'x-ratelimit-remaining-tokens': '0',
    });
    expect(anthropicLimitHeaders(state)['anthropic-ratelimit-requests-reset']).toMatch(/^\d{4}-.*Z$/);
    expect(limits.take(nowMs + 42_500, 100)).toBe(true);
  });
});

describe('Bill', () => {
  const line = (requestId: string): BillLine => ({
    partner: 'sim-economy',
    requestId,
    model: 'sim-small',
    arrivedAtMs: 1,
    stream: false,
    status: 200,
    delivered: 'complete',
    fault: null,
    tokens: NO_TOKENS,
    amount: chargeFor({ ...NO_TOKENS, input: 1 }, { input: '0.20' }),
    currency: 'XTS',
  });

  it('charges each kind of token at its exact price', () => {
    const prices = SIMULATED_PARTNERS[1]?.models[0]?.prices;
    if (prices === undefined) throw new Error('No prices');
    const tokens = { input: 1_000, cachedInput: 2_000, cacheWrite: 100, output: 10, reasoning: 5 };
    expect(formatAmount(chargeFor(tokens, prices))).toBe('0.005540000000');
  });

  it('keeps the newest 20 000 lines and the sum of all', () => {
    const bill = new Bill();
    for (let count = 0; count < 45_000; count += 1) bill.add(line(String(count)));
    expect(bill.lines()).toHaveLength(20_000);
    expect(bill.lines().at(-1)?.requestId).toBe('44999');
    expect(formatAmount(bill.total)).toBe('0.009000000000');
  });
});
