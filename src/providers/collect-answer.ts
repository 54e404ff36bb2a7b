import type { Clock } from '../platform/clock/index.js';
import type { Flight } from './flight.js';

/** Reads a short answer to its end: resolves when it is complete or broken, larger than `maxBytes`, or `withinMs` are over. Look
 *  at the flight for which of them; it is then destroyed. Never rejects. */
export async function collectAnswer(
  flight: Flight,
  { clock, withinMs, maxBytes }: { readonly clock: Clock; readonly withinMs: number; readonly maxBytes: number },
): Promise<Buffer> {
  const endMs = clock.monotonicMs() + withinMs;
  const cancel = clock.after(withinMs, () => {
    flight.nudge();
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    while (bytes < maxBytes && clock.monotonicMs() < endMs) {
      const chunk = flight.take();
      if (chunk !== undefined) {
        chunks.push(chunk);
        bytes += chunk.length;
      } else if (flight.isOver) break;
      else await flight.change();
    }
  } finally {
    cancel();
    if (flight.ended) flight.finish();
    else flight.destroy();
  }
  return Buffer.concat(chunks);
}
