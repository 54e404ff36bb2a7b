import type { HeaderView, LimitObservation } from '../adapter.js';
import { classifyBody, classifyStatus } from '../classify-failure.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, listOf, objectOf, parseJson, textOf, type JsonObject } from '../json-value.js';
import { retryAfterMs } from '../retry-after.js';

const DAY_MS = 86_400_000;
const WINDOWS: readonly (readonly [RegExp, number])[] = [
  [/PerSecond/i, 1_000],
  [/PerMinute/i, 60_000],
  [/PerHour/i, 3_600_000],
  [/PerDay/i, DAY_MS],
];
/** Reasons and status names of Google whose meaning is not that of their HTTP status, as the code that says it. */
const MEANING: Readonly<Record<string, string>> = {
  API_KEY_INVALID: 'api_key_invalid',
  API_KEY_SERVICE_BLOCKED: 'api_key_invalid',
  ACCESS_TOKEN_EXPIRED: 'api_key_invalid',
  CONSUMER_SUSPENDED: 'api_key_invalid',
  BILLING_DISABLED: 'billing_not_active',
  CANCELLED: 'internal',
  DEADLINE_EXCEEDED: 'internal',
};
const TOO_LONG = /token count .{0,40}exceeds|exceeds the maximum number of tokens/i;

interface GoogleError {
  /** The error, its status replaced by a code that says what it means. */
  readonly told: unknown;
  /** Google's own most telling name. */
  readonly name: string | undefined;
  readonly isDaily: boolean;
}

/** What a refusal of Google means: its reasons decide before its status name, and that before the HTTP status. Never throws.
 *  Source: google.rpc.Status with `ErrorInfo`, `RetryInfo` and `QuotaFailure`. */
export function classifyGoogle(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
  const json = parseJson(Buffer.from(body).toString('utf8'));
  if (!hasError(json)) return classifyStatus(status, headers, body);
  const { told, name, isDaily } = read(json);
  const failure = named(classifyStatus(status, headers, Buffer.from(JSON.stringify(told))), name);
  if (!isDaily) return failure;
  // The delay beside an exhausted day is that of the minute.
  const { retryAfterMs: _minutes, ...rest } = failure;
  return rest;
}

/** What an error inside a success means. */
export function classifyGoogleBody(json: unknown, status: number, billed: UpstreamFailure['billed']): UpstreamFailure {
  if (!hasError(json)) return classifyBody(json, status, billed);
  const { told, name } = read(json);
  return named(classifyBody(told, status, billed), name);
}

/** True for Google's error envelope, also as the only item of a list. */
export function hasError(json: unknown): boolean {
  return isJsonObject(rootOf(json)['error']);
}

const rootOf = (json: unknown): JsonObject => objectOf(Array.isArray(json) ? (json as readonly unknown[])[0] : json);

function read(json: unknown): GoogleError {
  const error = objectOf(rootOf(json)['error']);
  const reason = reasonOf(error);
  const status = textOf(error['status']);
  const isDaily = violations(error).some((violation) => windowOf(violation) === DAY_MS);
  const isTooLong = TOO_LONG.test(textOf(error['message']) ?? '');
  const meaning = isDaily
    ? 'insufficient_quota'
    : isTooLong
      ? 'context_length_exceeded'
      : (meaningOf(reason) ?? meaningOf(status) ?? status);
  return { told: { error: { ...error, status: meaning } }, name: reason ?? status, isDaily };
}

const meaningOf = (name: string | undefined): string | undefined =>
  name !== undefined && Object.hasOwn(MEANING, name) ? MEANING[name] : undefined;

function named(failure: UpstreamFailure, name: string | undefined): UpstreamFailure {
  return name !== undefined && /^[A-Za-z0-9_.-]{1,80}$/.test(name) ? { ...failure, vendorCode: name } : failure;
}

function reasonOf(error: JsonObject): string | undefined {
  for (const detail of listOf(error['details'])) {
    const reason = isJsonObject(detail) ? textOf(detail['reason']) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function violations(error: JsonObject): readonly JsonObject[] {
  return listOf(error['details']).flatMap((detail) =>
    isJsonObject(detail) ? listOf(detail['violations']).filter(isJsonObject) : [],
  );
}

function windowOf(violation: JsonObject): number | undefined {
  const id = textOf(violation['quotaId']) ?? '';
  return WINDOWS.find(([pattern]) => pattern.test(id))?.[1];
}

/** Reads the limits that a 429 of Google names in its body; there are none elsewhere. Never throws. Source: providers page §10. */
export function readLimits(
  status: number,
  headers: HeaderView,
  body: unknown,
  nowMs: number,
): readonly LimitObservation[] {
  if (status !== 429 || !hasError(body)) return [];
  const error = objectOf(rootOf(body)['error']);
  const delay = retryAfterMs(status, headers, rootOf(body), nowMs);
  const reset = delay === undefined ? {} : { resetsAtMs: nowMs + delay };
  const found = violations(error).flatMap((violation) => limitOf(violation, reset));
  if (found.length > 0 || delay === undefined) return found;
  return [{ scope: 'deployment', unit: 'requests', remaining: 0, ...reset, source: 'body' }];
}

function limitOf(violation: JsonObject, reset: { readonly resetsAtMs?: number }): readonly LimitObservation[] {
  const id = textOf(violation['quotaId']);
  if (id === undefined) return [];
  const windowMs = windowOf(violation);
  const limit = countOf(violation['quotaValue']);
  return [
    {
      scope:
        /PerModel/i.test(id) || objectOf(violation['quotaDimensions'])['model'] !== undefined
          ? 'deployment'
          : 'credential',
      unit: unitOf(id),
      ...(windowMs === undefined ? {} : { windowMs }),
      ...(limit === undefined ? {} : { limit }),
      remaining: 0,
      // The delay beside an exhausted day is that of the minute.
      ...(windowMs === DAY_MS ? {} : reset),
      source: 'body',
    },
  ];
}

function unitOf(id: string): LimitObservation['unit'] {
  if (/InputTokens/i.test(id)) return 'inputTokens';
  if (/OutputTokens/i.test(id)) return 'outputTokens';
  return /Tokens/i.test(id) ? 'tokens' : 'requests';
}

const countOf = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
