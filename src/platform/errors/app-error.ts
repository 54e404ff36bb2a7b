import { CATALOGUE, type ErrorCode, type ErrorEntry } from './catalogue.js';

/** What a caller may be told beside code and message. Every member is safe to show. */
export interface ErrorFacts {
  /** The request member that was wrong: `messages[0].role`. */
  readonly param?: string;
  /** Seconds after which the same request may succeed; ≥ 0, fractions allowed. */
  readonly retryAfterSeconds?: number;
  /** Overrides the catalogue, for 502 and 504 whose attempts may have been billed. */
  readonly shouldRetry?: boolean;
  /** Each broken rule of an input. */
  readonly violations?: readonly { readonly field: string; readonly rule: string; readonly message: string }[];
  /** The `aip` member of the OpenAI envelope: limit, attempts, rejected candidates. */
  readonly aip?: Readonly<Record<string, unknown>>;
  /** Response headers that belong to this refusal. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The only class thrown on purpose. `message` is for the caller: what was wrong, which limit, how to fix it; `detail` is
 *  for the log only. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly detail: string | undefined;
  readonly facts: ErrorFacts;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorFacts & { readonly cause?: unknown; readonly detail?: string } = {},
  ) {
    const { cause, detail, ...facts } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.detail = detail;
    this.facts = facts;
  }

  get entry(): ErrorEntry {
    return CATALOGUE[this.code];
  }

  get shouldRetry(): boolean {
    return this.facts.shouldRetry ?? this.entry.shouldRetry;
  }
}

/** `error` itself when it is ours, else `internal_error` that says nothing about its cause. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal_error', 'Something went wrong on our side. Quote the request id to your operator.', {
    cause: error,
  });
}
