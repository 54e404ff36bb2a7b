import type { HeaderView } from './adapter.js';
import type { FailureClass, FailureOutcome, UpstreamFailure } from './failure.js';
import { isJsonObject, listOf, parseJson, textOf, type JsonObject } from './json-value.js';
import { scrubMessage } from './public-message.js';
import { retryAfterMs } from './retry-after.js';
import { VENDOR_CODES } from './vendor-codes.js';

/** Texts that decide where codes do not, for refusals of a request only. */
const BY_TEXT: readonly (readonly [RegExp, FailureClass])[] = [
  [
    /credit balance|insufficient (balance|credits|funds)|(any|available) credits|spend(ing)? limit|calls? \/ month|account .{0,80}suspended/i,
    'quota_exhausted',
  ],
  [/\bflagged\b|moderation/i, 'content_refused'],
  [/(invalid|incorrect) api key|api key not valid/i, 'credential'],
  [
    /prompt is too long|maximum context length|context (window|length|size)|too many (input )?tokens|reduce the length/i,
    'context',
  ],
  [/was removed|has been (removed|retired|deprecated|decommissioned)|no longer (available|supported)/i, 'not_found'],
  [/model .{0,120}(not found|does not exist)/i, 'not_found'],
  [/does(n't| not) support|not supported|unsupported/i, 'unsupported'],
];

const PHRASES: Readonly<Record<FailureClass, string>> = {
  connect: 'no connection could be made',
  stale_socket: 'the connection had been closed',
  server: 'it had an internal error',
  overloaded: 'it is overloaded',
  rate_limited: 'its rate limit is reached',
  quota_exhausted: 'the account there has no credit or quota left',
  credential: 'it refused our credential',
  not_found: 'it does not know the model',
  context: 'the request is larger than the model allows',
  unsupported: 'the model does not support what was asked',
  caller: 'it refused the request as invalid',
  content_refused: 'its content filter refused the request',
  malformed: 'its answer could not be understood',
  ttft_timeout: 'it did not begin to answer in time',
  idle_timeout: 'its answer stood still',
  total_timeout: 'its answer took too long',
  truncated: 'the answer broke off',
};

const TOLD_IN_FULL: ReadonlySet<FailureClass> = new Set(['caller', 'context', 'unsupported']);

/** What a vendor's error body says. */
interface ErrorFacts {
  readonly codes: readonly string[];
  readonly message: string;
  /** An HTTP status inside the body. */
  readonly status: number | undefined;
}

const codeText = (value: unknown): string | undefined =>
  typeof value === 'number'
    ? undefined
    : textOf(value)
        ?.slice(0, 80)
        .replace(/[^A-Za-z0-9_.-]/g, '_');

const statusIn = (...values: readonly unknown[]): number | undefined => {
  const found = values.map(Number).find((value) => Number.isInteger(value) && value >= 400 && value < 600);
  return found;
};

/** Reads the shapes of errors that vendors use: nested, bare, a text, a list of findings. Attacker-controlled. */
function readError(body: unknown): ErrorFacts {
  const root = Array.isArray(body) ? (body as readonly unknown[])[0] : body;
  if (typeof root === 'string') return { codes: [], message: root, status: undefined };
  if (!isJsonObject(root)) return { codes: [], message: '', status: undefined };
  const { error } = root;
  const inner: JsonObject = isJsonObject(error) ? error : { ...root, message: textOf(error) ?? root['message'] };
  const codes = [inner['code'], inner['type'], inner['status'], root['code']].flatMap((value) => codeText(value) ?? []);
  return {
    codes,
    message: textOf(inner['message']) ?? findings(root['detail']) ?? textOf(root['message']) ?? '',
    status: statusIn(inner['status_code'], inner['code'], inner['status']),
  };
}

/** FastAPI's validation errors: `detail: [{loc, msg}]` or a text. */
function findings(detail: unknown): string | undefined {
  if (typeof detail === 'string') return detail;
  const texts = listOf(detail).flatMap((one) => (isJsonObject(one) ? (textOf(one['msg']) ?? []) : []));
  return texts.length === 0 ? undefined : texts.slice(0, 5).join('; ');
}

const BY_STATUS: ReadonlyMap<number, FailureClass> = new Map([
  [401, 'credential'],
  [402, 'quota_exhausted'],
  [403, 'credential'],
  [404, 'not_found'],
  [408, 'server'],
  [409, 'server'],
  [413, 'context'],
  [424, 'server'],
  [425, 'server'],
  [429, 'rate_limited'],
  [498, 'overloaded'],
  [499, 'server'],
  [503, 'overloaded'],
  [529, 'overloaded'],
]);

function byStatus(status: number): FailureClass {
  return BY_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'caller' : 'server');
}

/** Classes that a text may tell where the status alone says this. A refused credential may be an empty account or a refused prompt. */
const TOLD_BY_TEXT: Readonly<Partial<Record<FailureClass, (told: FailureClass) => boolean>>> = {
  caller: () => true,
  not_found: (told) => told === 'quota_exhausted',
  rate_limited: (told) => told === 'quota_exhausted',
  credential: (told) => told === 'quota_exhausted' || told === 'content_refused',
};

function classOf(facts: ErrorFacts, status: number): FailureClass {
  const fallback = byStatus(status);
  for (const code of facts.codes) {
    const name = code.toLowerCase();
    const known = Object.hasOwn(VENDOR_CODES, name) ? VENDOR_CODES[name] : undefined;
    // Some vendors call every error an error of their API, also one that the request made.
    const isVague = known === 'server' && status < 500 && fallback !== 'server';
    if (known !== undefined && !isVague) return known;
  }
  const match = BY_TEXT.find(([pattern]) => pattern.test(facts.message))?.[1];
  return match !== undefined && TOLD_BY_TEXT[fallback]?.(match) === true ? match : fallback;
}

function outcomeOf(failureClass: FailureClass, status: number): FailureOutcome {
  if (failureClass === 'content_refused') return 'content_refused';
  if (status < 400) return 'error_in_body';
  return failureClass === 'rate_limited' || status === 429 ? 'rate_limited' : 'http_error';
}

function messageOf(failureClass: FailureClass, facts: ErrorFacts): string {
  const text = TOLD_IN_FULL.has(failureClass) ? scrubMessage(facts.message) : '';
  return text === '' ? PHRASES[failureClass] : text;
}

/** Failures an answer shows by itself, without an error's code or status. */
export type PlainFailure = 'malformed' | 'truncated' | 'server' | 'overloaded' | 'content_refused';

/** What is known of one. */
export interface FailureFacts {
  readonly status: number;
  readonly billed: UpstreamFailure['billed'];
  /** Instead of the phrase of the class. */
  readonly reason?: string;
  readonly vendorCode?: string;
}

/** A failure of our own reading: the closed phrase of its class, or `reason` when it says more. */
export function failureOf(failureClass: PlainFailure, facts: FailureFacts): UpstreamFailure {
  return {
    class: failureClass,
    outcome:
      failureClass === 'server' || failureClass === 'overloaded' ? outcomeOf(failureClass, facts.status) : failureClass,
    status: facts.status,
    vendorCode: codeText(facts.vendorCode) ?? null,
    publicMessage: facts.reason ?? PHRASES[failureClass],
    billed: facts.billed,
  };
}

/** What an error status means. The body decides before the status; refusals are never billed. Never throws. */
export function classifyStatus(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
  if (status >= 300 && status < 400) {
    return failureOf('malformed', { status, billed: 'no', reason: 'it answered with a redirect' });
  }
  const json = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  const facts = readError(json);
  const failureClass = classOf(facts, status);
  const retry = retryAfterMs(status, headers, json);
  return {
    class: failureClass,
    outcome: outcomeOf(failureClass, status),
    status,
    vendorCode: facts.codes[0] ?? null,
    ...(retry === undefined ? {} : { retryAfterMs: retry }),
    publicMessage: messageOf(failureClass, facts),
    billed: 'no',
  };
}

/** What an error inside an answer of status 2xx means. `billed`: what is known from usage and delivered text. */
export function classifyBody(json: unknown, status: number, billed: UpstreamFailure['billed']): UpstreamFailure {
  const facts = readError(json);
  const failureClass = classOf(facts, facts.status ?? 500);
  return {
    class: failureClass,
    outcome: outcomeOf(failureClass, status),
    status,
    vendorCode: facts.codes[0] ?? null,
    publicMessage: messageOf(failureClass, facts),
    billed,
  };
}
