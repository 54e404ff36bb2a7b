/** A pair of keys of AWS. `sessionToken`: for temporary ones. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

const ACCESS_KEY_ID = /^[A-Z0-9]{16,128}$/;
const SECRET_ACCESS_KEY = /^[A-Za-z0-9/+=]{30,128}$/;
const SESSION_TOKEN = /^[A-Za-z0-9/+=_-]{1,8192}$/;

/** What a secret of scheme `sigv4` looks like, for error messages. */
export const AWS_KEYS_FORM =
  'accessKeyId:secretAccessKey, accessKeyId:secretAccessKey:sessionToken for temporary keys, or JSON with these members';

/** Reads `accessKeyId:secretAccessKey[:sessionToken]`, or JSON with these members as they are or as the tools of AWS print them.
 *  Undefined when it is neither; says nothing about the text. */
export function readAwsKeys(text: string): AwsKeys | undefined {
  const [accessKeyId, secretAccessKey, sessionToken, ...rest] = text.trim().startsWith('{')
    ? fromJson(text)
    : text.trim().split(':');
  if (rest.length > 0 || accessKeyId === undefined || !ACCESS_KEY_ID.test(accessKeyId)) return undefined;
  if (secretAccessKey === undefined || !SECRET_ACCESS_KEY.test(secretAccessKey)) return undefined;
  if (sessionToken !== undefined && !SESSION_TOKEN.test(sessionToken)) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken };
}

function fromJson(text: string): readonly (string | undefined)[] {
  const members = parsed(text);
  const { Credentials: nested } = members;
  const found = typeof nested === 'object' && nested !== null ? (nested as Readonly<Record<string, unknown>>) : members;
  return ['AccessKeyId', 'SecretAccessKey', 'SessionToken'].map((name) => {
    const value = found[name] ?? found[`${name.charAt(0).toLowerCase()}${name.slice(1)}`];
    return value === undefined || value === null ? undefined : typeof value === 'string' ? value : '';
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    // The error of the parser would quote the secret.
    return {};
  }
}
