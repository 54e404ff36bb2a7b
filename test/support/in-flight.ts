import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/** Calls `work` for 0 … count − 1 with at most `limit` running at once; results in order. A rejection ends it. */
export async function inFlight<T>(
  count: number,
  limit: number,
  work: (index: number) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, lane));
  return results;
}

/** The first defined answer of `read`, asked every 50 ms. Throws after `timeoutMs`, saying what was waited for. */
export async function until<T>(
  what: string,
  read: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 10_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`Waited ${String(timeoutMs)} ms in vain: ${what}`);
    await delay(POLL_MS);
  }
}
