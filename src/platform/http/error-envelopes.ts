import type { AppError } from '../errors/index.js';
import { jitter } from '../ids/index.js';

/** The OpenAI error object. Source: the wire contract §2.4. */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
    readonly aip?: Readonly<Record<string, unknown>>;
  };
}

/** RFC 9457 problem details with our members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  readonly violations?: readonly { readonly field: string; readonly rule: string; readonly message: string }[];
}

/** The error as `/v1` answers it. */
export function openAiError(error: AppError, requestId: string): OpenAiError {
  const { param, aip } = error.facts;
  return {
    error: {
      message: error.message,
      type: error.entry.type,
      param: param ?? null,
      code: error.code,
      aip: { requestId, ...aip },
    },
  };
}

const TYPES: Partial<Record<AppError['code'], string>> = {
  quota_exceeded: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  capacity_shed: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
  no_capacity: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
};

/** The error as everything else answers it. */
export function problem(error: AppError, context: { readonly requestId: string; readonly path: string }): Problem {
  return {
    type: TYPES[error.code] ?? `urn:aip:problem:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: error.entry.status,
    detail: error.message,
    instance: context.path,
    code: error.code,
    requestId: context.requestId,
    ...(error.facts.violations === undefined ? {} : { violations: error.facts.violations }),
  };
}

/** Headers every refusal carries; 503 waits are spread by ± 20 % so that callers do not return together. */
export function errorHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = { 'x-should-retry': String(error.shouldRetry), ...error.facts.headers };
  const waitSeconds = error.facts.retryAfterSeconds;
  if (waitSeconds !== undefined) {
    const spread = error.entry.status === 503 ? waitSeconds * (0.8 + 0.4 * jitter()) : waitSeconds;
    headers['retry-after'] = String(Math.max(1, Math.ceil(spread)));
    headers['retry-after-ms'] = String(Math.max(1, Math.ceil(spread * 1000)));
  }
  return headers;
}
