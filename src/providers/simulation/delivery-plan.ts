import { type Frame } from './dialect.js';
import { type Fault } from './faults.js';

/** One thing a partner does on the socket after its headers. `cut` closes the socket, `end` ends the answer cleanly. */
export type Step =
  | { readonly kind: 'bytes'; readonly text: string; readonly tokens: number; readonly delayMs: number }
  | { readonly kind: 'stall' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'end' };

/** What a plan needs to know beside the answer. */
export interface PlanOptions {
  /** Milliseconds per generated token; 0: at once. */
  readonly tokenMs: number;
  /** Milliseconds between two pieces of a drip. */
  readonly dripMs: number;
  /** What is sent in place of the answer for `error-in-200`: an event, or a body. */
  readonly error: string;
  /** Makes an event larger than 1 MiB; called for `huge` only. */
  readonly huge: () => string;
}

const DRIP_CHARACTERS = 8;
const HUGE_BODY_BLOCKS = 33;
const MAX_WRITE_CHARACTERS = 16_384;
const BLOCK = 1_048_576;

/** Length of the text in a `huge` event: a quarter beyond the 1 MiB that clients allow. */
export const HUGE_CHARACTERS = BLOCK + BLOCK / 4;

/** How the events of a stream go out under a fault; without one: all of them at the model's pace. `after` faults strike
 *  when half of the events with tokens (at least one) are out. */
export function planStream(frames: readonly Frame[], fault: Fault | undefined, options: PlanOptions): Step[] {
  const all = frames.map((frame) => bytes(frame.text, frame.tokens, frame.tokens * options.tokenMs));
  const firstDelta = Math.max(
    0,
    frames.findIndex(({ stage }) => stage === 'delta'),
  );
  const opening = all.slice(0, firstDelta);
  const rest = all.slice(firstDelta);
  const plans: Plans = {
    'stall:before': () => [...opening, { kind: 'stall' }],
    'cut:before': () => [...opening, { kind: 'cut' }],
    'stall:after': () => [...all.slice(0, halfway(frames)), { kind: 'stall' }],
    'cut:after': () => [...all.slice(0, halfway(frames)), { kind: 'cut' }],
    truncate: () => [...all.slice(0, halfway(frames)), { kind: 'end' }],
    malformed: () => [...opening, bytes('data: {"choices":[{"delta":{"content":"[SIMUL\n\n', 0, 0), { kind: 'end' }],
    'error-in-200': () => [bytes(options.error, 0, 0), { kind: 'end' }],
    huge: () => [...opening, bytes(options.huge(), 0, 0), ...rest, { kind: 'end' }],
    drip: () => [...frames.flatMap((frame) => drip(frame.text, frame.tokens, options.dripMs)), { kind: 'end' }],
  };
  return carryOut(plans, fault) ?? [...all, { kind: 'end' }];
}

/** How a collected answer goes out under a fault. `tokens` count as generated with its first byte. */
export function planBody(body: string, tokens: number, fault: Fault | undefined, options: PlanOptions): Step[] {
  const half = bytes(body.slice(0, Math.ceil(body.length / 2)), tokens, 0);
  const plans: Plans = {
    'stall:before': () => [{ kind: 'stall' }],
    'cut:before': () => [{ kind: 'cut' }],
    'stall:after': () => [half, { kind: 'stall' }],
    'cut:after': () => [half, { kind: 'cut' }],
    truncate: () => [half, { kind: 'end' }],
    malformed: () => [bytes('{"id":"simulated","content":"[SIMUL', 0, 0), { kind: 'end' }],
    'error-in-200': () => [bytes(options.error, 0, 0), { kind: 'end' }],
    huge: () => [...blanks(HUGE_BODY_BLOCKS), bytes(body, tokens, 0), { kind: 'end' }],
    drip: () => [...drip(body, tokens, options.dripMs), { kind: 'end' }],
  };
  return carryOut(plans, fault) ?? [bytes(body, tokens, 0), { kind: 'end' }];
}

type Plans = Readonly<Partial<Record<Fault['kind'], () => Step[]>>>;

/** The plan of a fault; undefined when the fault leaves the delivery alone. */
function carryOut(plans: Plans, fault: Fault | undefined): Step[] | undefined {
  return fault === undefined ? undefined : plans[fault.kind]?.();
}

/** Joins pieces that follow each other without delay into writes of about 16 KiB; nothing else about the plan changes. */
export function joinWrites(steps: readonly Step[]): Step[] {
  const joined: Step[] = [];
  for (const step of steps) {
    const last = joined.at(-1);
    const fits = last?.kind === 'bytes' && last.text.length < MAX_WRITE_CHARACTERS;
    if (fits && step.kind === 'bytes' && step.delayMs === 0) {
      joined[joined.length - 1] = { ...last, text: last.text + step.text, tokens: last.tokens + step.tokens };
    } else joined.push(step);
  }
  return joined;
}

function bytes(text: string, tokens: number, delayMs: number): Step {
  return { kind: 'bytes', text, tokens, delayMs };
}

function blanks(count: number): Step[] {
  const blank = bytes(' '.repeat(BLOCK), 0, 0);
  return Array.from({ length: count }, () => blank);
}

function halfway(frames: readonly Frame[]): number {
  const deltas = frames.flatMap(({ tokens }, at) => (tokens > 0 ? [at] : []));
  return (deltas[Math.floor((deltas.length - 1) / 2)] ?? 0) + 1;
}

function drip(text: string, tokens: number, dripMs: number): Step[] {
  const letters = Array.from(text);
  const steps: Step[] = [];
  for (let at = 0; at < letters.length; at += DRIP_CHARACTERS) {
    const isLast = at + DRIP_CHARACTERS >= letters.length;
    steps.push(bytes(letters.slice(at, at + DRIP_CHARACTERS).join(''), isLast ? tokens : 0, dripMs));
  }
  return steps;
}
