import type { HeaderView } from '../adapter.js';
import { classifyBody, classifyStatus } from '../classify-failure.js';
import type { UpstreamFailure } from '../failure.js';
import { objectOf, parseJson, textOf, type JsonObject } from '../json-value.js';
import { headerText } from '../retry-after.js';

const LIMITED = 'rate_limit_exceeded';
const CREDENTIAL = 'authentication_error';

/** Exceptions of Bedrock as codes that say what they mean; `ValidationException` is told by its text. Source: AWS, Bedrock API
 *  reference, Converse, ConverseStream and common errors. */
const MEANING: Readonly<Record<string, string>> = {
  throttlingexception: LIMITED,
  toomanyrequestsexception: LIMITED,
  servicequotaexceededexception: 'insufficient_quota',
  modelnotreadyexception: 'overloaded',
  serviceunavailableexception: 'service_unavailable',
  internalserverexception: 'server_error',
  internalfailure: 'server_error',
  modelerrorexception: 'server_error',
  modelstreamerrorexception: 'server_error',
  modeltimeoutexception: 'server_error',
  accessdeniedexception: CREDENTIAL,
  unrecognizedclientexception: CREDENTIAL,
  invalidclienttokenid: CREDENTIAL,
  invalidsignatureexception: CREDENTIAL,
  signaturedoesnotmatch: CREDENTIAL,
  incompletesignature: CREDENTIAL,
  incompletesignatureexception: CREDENTIAL,
  missingauthenticationtokenexception: CREDENTIAL,
  expiredtokenexception: CREDENTIAL,
  expiredtoken: CREDENTIAL,
  optinrequired: CREDENTIAL,
  resourcenotfoundexception: 'not_found',
};

/** Texts that say more than the exception they come with. */
const BY_TEXT: readonly (readonly [RegExp, string])[] = [
  [/too many (tokens|requests) per day/i, 'insufficient_quota'],
  [/on-demand throughput isn.t supported|model identifier is invalid|end of its life/i, 'not_found'],
  [
    /input is too long|exceeds the (maximum|model.s) (context|input)|too large for the model/i,
    'context_length_exceeded',
  ],
  [/(doesn|isn).t support|maximum tokens you requested exceeds/i, 'unsupported_value'],
];
/** Exceptions whose text decides. */
const TOLD_BY_TEXT = new Set(['validationexception', 'throttlingexception', 'resourcenotfoundexception', '']);

interface Told {
  /** Bedrock's own name, without its namespace and address. */
  readonly name: string;
  readonly message: string;
}

/** The exception that a refusal names, without its namespace and address; empty when it names none. Never throws. */
export function nameOfRefusal(headers: HeaderView, body: Uint8Array): string {
  const json = jsonOf(body);
  return plainName(headerText(headers, 'x-amzn-errortype') ?? textOf(json['__type']) ?? textOf(json['code']) ?? '');
}

/** What a refusal of Bedrock means: `{message}` with the exception's name in a header or in `__type`. Never throws. */
export function classifyRefusal(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
  const json = jsonOf(body);
  const message = textOf(json['message']) ?? textOf(json['Message']) ?? '';
  const name = nameOfRefusal(headers, body);
  const code = meaningOf({ name, message });
  if (name === '' && message === '') return classifyStatus(status, headers, body);
  return named(classifyStatus(status, headers, Buffer.from(JSON.stringify({ error: { message, code } }))), name);
}

/** What an exception inside a stream means. Unknown names are failures of the service. Never throws. */
export function classifyException(
  given: string,
  body: unknown,
  { status, billed }: { readonly status: number; readonly billed: UpstreamFailure['billed'] },
): UpstreamFailure {
  const json = objectOf(body);
  const name = plainName(given);
  const message = textOf(json['message']) ?? textOf(json['originalMessage']) ?? '';
  const isRefusal = name.toLowerCase() === 'validationexception';
  const error = { message, code: meaningOf({ name, message }), ...(isRefusal ? { status_code: 400 } : {}) };
  return named(classifyBody({ error }, status, billed), name);
}

const jsonOf = (body: Uint8Array): JsonObject => objectOf(parseJson(Buffer.from(body).toString('utf8')));

/** `com.amazon.coral.service#ThrottlingException:http://…` is `ThrottlingException`. */
const plainName = (text: string): string => (text.split('#').at(-1) ?? '').split(':', 1)[0]?.trim() ?? '';

function meaningOf({ name, message }: Told): string | undefined {
  const key = name.toLowerCase();
  const match = TOLD_BY_TEXT.has(key) ? BY_TEXT.find(([pattern]) => pattern.test(message)) : undefined;
  return match?.[1] ?? (Object.hasOwn(MEANING, key) ? MEANING[key] : undefined);
}

function named(failure: UpstreamFailure, name: string): UpstreamFailure {
  return /^[A-Za-z0-9_.-]{1,80}$/.test(name) ? { ...failure, vendorCode: name } : { ...failure, vendorCode: null };
}
