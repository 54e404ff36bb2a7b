import { createHash, createHmac } from 'node:crypto';

import type { AwsKeys } from './domain/aws-keys.js';

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** AWS asks for these; what a proxy may change stays unsigned. */
const SIGNED = /^(host|content-type|x-amz-.+)$/;

/** What is signed. `path`: as it goes over the wire, already encoded, with its query; `headers`: lower case. */
export interface SignableRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

/** Where and when a signature holds. `date`: `YYYYMMDD'T'HHMMSS'Z'`. */
export interface SigningScope {
  readonly region: string;
  readonly service: string;
  readonly date: string;
}

/** The headers that sign a request: `authorization`, `x-amz-date`, and for temporary keys `x-amz-security-token`.
 *  Equal input gives equal headers. Source: AWS, "Create a signed AWS API request" (Signature Version 4); the path is encoded
 *  once more in the canonical request, as for every service but S3: `%3A` on the wire is signed as `%253A`. */
export function signV4(request: SignableRequest, keys: AwsKeys, scope: SigningScope): Readonly<Record<string, string>> {
  const added = {
    'x-amz-date': scope.date,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
  };
  const headers = signedHeaders({ ...request.headers, ...added, host: request.host });
  const names = headers.map(([name]) => name).join(';');
  const [path = '/', query = ''] = splitOnce(request.path, '?');
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(request.body ?? ''),
  ].join('\n');
  const place = `${scope.date.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = [ALGORITHM, scope.date, place, sha256(canonical)].join('\n');
  const signature = hmac(signingKey(keys.secretAccessKey, scope), toSign).toString('hex');
  const authorization = `${ALGORITHM} Credential=${keys.accessKeyId}/${place}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, authorization };
}

/** The date as signatures write it. */
export function amzDate(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function signingKey(secretAccessKey: string, { date, region, service }: SigningScope): Buffer {
  return [date.slice(0, 8), region, service, 'aws4_request'].reduce(
    (key: Buffer, part) => hmac(key, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

/** Sorted by name; values trimmed, inner blanks joined. */
function signedHeaders(headers: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(headers)
    .filter(([name]) => SIGNED.test(name))
    .map(([name, value]) => [name, value.trim().replace(/\s+/g, ' ')] as const)
    .sort(byName);
}

const canonicalPath = (path: string): string => path.split('/').map(encode).join('/');

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => {
    const [name = '', value = ''] = splitOnce(pair, '=');
    return [encode(decodeURIComponent(name)), encode(decodeURIComponent(value))] as const;
  });
  return pairs
    .sort((one, other) => byName(one, other) || compare(one[1], other[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Everything but unreserved characters, which `encodeURIComponent` leaves more of. Source: RFC 3986 §2.3. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
const byName = (one: readonly [string, string], other: readonly [string, string]): number => compare(one[0], other[0]);

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
