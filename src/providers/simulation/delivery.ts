import { type ServerResponse } from 'node:http';

import { type Clock } from '../../platform/clock/index.js';

import { type Step } from './delivery-plan.js';

/** What left this process. */
export interface Delivery {
  /** Generated tokens whose event or body was handed to the socket while the client was there. */
  readonly tokens: number;
  /** True when the answer ended as planned by a healthy partner or a clean end. */
  readonly isEnded: boolean;
}

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener('abort', finish);
  });
}

/** Carries out the steps on a response whose headers are written; waits for the socket after each piece. Ends early when
 *  the client hangs up (`signal`). A stall lasts `stallMs` and then closes the socket. */
export async function deliver(
  response: ServerResponse,
  steps: readonly Step[],
  context: { readonly clock: Clock; readonly signal: AbortSignal; readonly stallMs: number },
): Promise<Delivery> {
  const { clock, signal, stallMs } = context;
  let tokens = 0;
  for (const step of steps) {
    if (step.kind === 'end') {
      response.end();
      return { tokens, isEnded: !signal.aborted };
    }
    if (step.kind !== 'bytes') {
      response.flushHeaders();
      if (step.kind === 'stall') await pause(clock, stallMs, signal);
      response.socket?.destroy();
      return { tokens, isEnded: false };
    }
    await pause(clock, step.delayMs, signal);
    if (signal.aborted) return { tokens, isEnded: false };
    tokens += step.tokens;
    await write(response, step.text, signal);
  }
  throw new Error('A delivery plan has no end');
}

/** Resolves when the socket has taken the text, or when the client is gone. */
function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      signal.removeEventListener('abort', finish);
      resolve();
    };
    signal.addEventListener('abort', finish);
    response.write(text, finish);
  });
}
