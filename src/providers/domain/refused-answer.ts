import type { Emission } from '../adapters/adapter.js';
import type { AttemptRecord } from './attempt.js';

/** The answer that stands for a refusal by status code: empty, finished as `content_filter`. */
export function refusedAnswer(requestId: string, attempt: AttemptRecord): readonly Emission[] {
  const chunk = {
    id: `chatcmpl-${requestId}`,
    object: 'chat.completion.chunk' as const,
    created: Math.floor(attempt.startedAtMs / 1_000),
    model: attempt.answeredModel ?? attempt.deployment.upstreamModel,
    choices: [
      {
        index: 0,
        delta: { role: 'assistant' as const, content: '' },
        finish_reason: 'content_filter' as const,
        logprobs: null,
      },
    ],
  };
  return [
    { kind: 'chunk', chunk, raw: null, progress: 'content' },
    { kind: 'finish', choice: 0, reason: 'content_filter' },
    { kind: 'done' },
  ];
}

/** True when an answer consists of a content filter's refusal: it ended with it and brought nothing else. */
export function isRefusal(emissions: readonly Emission[]): boolean {
  const isRefused = emissions.some((one) => one.kind === 'finish' && one.reason === 'content_filter');
  return isRefused && !emissions.some((one) => one.kind === 'chunk' && one.progress === 'content');
}
