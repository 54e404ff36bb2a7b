import { Pool } from 'undici';

import type { Criticality } from '../platform/security/index.js';
import type { SurgeTally } from './surge-tally.js';

const TICK_MS = 20;
const MAX_IN_FLIGHT = 4_000;
const MAX_CONNECTIONS = 1_024;
/** A place in the queue, all attempts and the answer, with room to spare. */
const ANSWER_MS = 120_000;
const MAX_BODY_CHARACTERS = 1_000_000;
const MAX_TOKENS = 32;

/** Two urgent requests, four that may wait a little, four that may wait long. */
const MIX: readonly Criticality[] = [
  'critical',
  'sheddable',
  'sheddable-plus',
  'sheddable',
  'sheddable-plus',
  'critical',
  'sheddable',
  'sheddable-plus',
  'sheddable',
  'sheddable-plus',
];
const QUESTIONS = [
  'Name three rivers.',
  'Summarise exhibit 12.',
  'Translate "invoice" into French.',
  'List the parties.',
];

/** A part of the load at an even rate. */
export interface LoadPhase {
  readonly perSecond: number;
  readonly seconds: number;
}

/** Where the load goes and with which key. */
export interface LoadTarget {
  readonly url: string;
  readonly key: string;
}

/** Sends the phases one after the other at their rate, whatever comes back, and waits until every request has ended. Never more
 *  than 4 000 requests in flight: what would be more is not sent. `tick` is called about once a second. */
export async function runLoad(
  target: LoadTarget,
  phases: readonly LoadPhase[],
  { tally, tick }: { readonly tally: SurgeTally; readonly tick: (secondsGone: number) => void },
): Promise<void> {
  const pool = new Pool(target.url, {
    connections: MAX_CONNECTIONS,
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
  const running = new Set<Promise<void>>();
  const startMs = performance.now();
  let sent = 0;
  let shownSecond = 0;
  const look = (): number => {
    const second = Math.floor((performance.now() - startMs) / 1_000);
    if (second > shownSecond) tick((shownSecond = second));
    return second;
  };
  let phaseStartMs = startMs;
  for (const { perSecond, seconds } of phases) {
    const total = Math.round(perSecond * seconds);
    for (let due = 0; due < total;) {
      const owed = Math.min(total, Math.floor(((performance.now() - phaseStartMs) * perSecond) / 1_000) + 1);
      for (; due < owed; due += 1) {
        if (running.size >= MAX_IN_FLIGHT) continue;
        const one = send(pool, target.key, { n: (sent += 1), tally }).finally(() => running.delete(one));
        running.add(one);
      }
      await pause(TICK_MS);
      look();
    }
    phaseStartMs += seconds * 1_000;
    await pause(phaseStartMs - performance.now());
  }
  while (running.size > 0) {
    await Promise.race([Promise.allSettled([...running]), pause(1_000)]);
    look();
  }
  await pool.close();
}

async function send(
  pool: Pool,
  key: string,
  { n, tally }: { readonly n: number; readonly tally: SurgeTally },
): Promise<void> {
  const criticality = MIX[n % MIX.length] ?? 'critical';
  const startMs = performance.now();
  tally.noteSent();
  const ended = (status: number, headers: Record<string, string | string[] | undefined>, body: string): void => {
    tally.add({ criticality, status, headers, body, tookMs: performance.now() - startMs });
  };
  try {
    const answer = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'aip-criticality': criticality,
      },
      body: JSON.stringify({
        model: 'auto',
        max_tokens: MAX_TOKENS,
        stream: n % 2 === 0,
        messages: [{ role: 'user', content: `${QUESTIONS[n % QUESTIONS.length] ?? ''} (${String(n)})` }],
      }),
    });
    const body = await answer.body.text();
    ended(answer.statusCode, answer.headers, body.slice(-MAX_BODY_CHARACTERS));
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    ended(0, {}, typeof code === 'string' ? code : String(message));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
