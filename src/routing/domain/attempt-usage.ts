import type { AttemptRecord } from '../../providers/index.js';
import type { LimitUnit } from './headroom.js';

/** Bytes of a usual token, for what nobody counted. */
const BYTES_PER_TOKEN = 4;

interface Parts {
  readonly input: number;
  readonly output: number;
}

/** Tokens as limits count them: read from a cache is free. */
function tokensOf({ usage, sentBytes, received }: AttemptRecord): Parts {
  if (usage !== null) return { input: usage.input + usage.cacheWrite, output: usage.output + usage.reasoning };
  const bytes = received.textBytes + received.reasoningBytes;
  return { input: Math.ceil(sentBytes / BYTES_PER_TOKEN), output: Math.ceil(bytes / BYTES_PER_TOKEN) };
}

/** Whether the partner counted the attempt: it was never reached, or it refused before it did anything. */
function isCounted({ status, failureClass, outcome }: AttemptRecord): boolean {
  if (failureClass === 'connect' || outcome === 'connect_error' || failureClass === 'rate_limited') return false;
  return status !== null || failureClass === null || failureClass.endsWith('_timeout');
}

/** What an ended attempt took of a limit. Pure. */
export function usedOf(attempt: AttemptRecord, unit: LimitUnit): number {
  if (!isCounted(attempt)) return 0;
  if (unit === 'requests') return attempt.inputTimes;
  const { input, output } = tokensOf(attempt);
  if (unit === 'tokens') return input + output;
  return unit === 'inputTokens' ? input : unit === 'outputTokens' ? output : 0;
}

/** What it took after its own report was written: reports come with the head of an answer, the answer is not part of them. */
export function usedBeyondReport(attempt: AttemptRecord, unit: LimitUnit): number {
  if (!isCounted(attempt)) return 0;
  return unit === 'tokens' || unit === 'outputTokens' ? tokensOf(attempt).output : 0;
}
