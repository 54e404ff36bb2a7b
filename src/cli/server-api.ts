import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

import { request } from 'undici';

import { IdentityService } from '../identity/index.js';
import type { Permission } from '../platform/security/index.js';
import { callApi, demoEnvironment, type ApiAnswer } from './api.js';
import { commandEnvironment, configuration, withServices } from './environment.js';
import { CommandError, EXIT } from './exit-codes.js';

const TOKEN_SECONDS = 300;

interface Problem {
  readonly detail?: string;
  readonly violations?: readonly { readonly field: string; readonly message: string }[];
}

/** How the running server is reached. */
export interface ServerCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Version that a change is based on. */
  readonly version?: number;
  /** So that a repeated call has no second effect. */
  readonly idempotencyKey?: string;
}

/** The running server's REST API with the rights of one of its users. */
export class ServerApi {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  /** The parsed answer; undefined when it has none. @throws CommandError when the server refuses, with its words */
  async call<T>({ method, path, body, version, idempotencyKey }: ServerCall): Promise<T> {
    const answer = await callApi(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(version === undefined ? {} : { 'if-match': `"${String(version)}"` }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body }),
    });
    if (answer.status >= 300) throw new CommandError(refusalOf(answer), exitOf(answer.status));
    return (answer.body === '' ? undefined : JSON.parse(answer.body)) as T;
  }

  /** All rows of a list, page by page. */
  async *rows<T>(path: string): AsyncGenerator<T> {
    for (let next: string | null | undefined; next !== null;) {
      const at = next === undefined ? `${path}?limit=200` : `${path}?limit=200&cursor=${next}`;
      const page = await this.call<{ readonly data: readonly T[]; readonly next: string | null }>({
        method: 'GET',
        path: at,
      });
      yield* page.data;
      next = page.next;
    }
  }

  /** Writes what is at `path` to a file, from the byte on where an earlier try broke off. */
  async download(path: string, file: string): Promise<void> {
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    const answer = await request(`${this.url}${path}`, {
      headers: { authorization: `Bearer ${this.token}`, ...(size === 0 ? {} : { range: `bytes=${String(size)}-` }) },
    });
    if (answer.statusCode >= 300) {
      const refusal = { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
      throw new CommandError(refusalOf(refusal), exitOf(refusal.status));
    }
    await pipeline(answer.body, createWriteStream(file, { flags: answer.statusCode === 206 ? 'a' : 'w' }));
  }
}

/** The server of `AIP_URL`, else of the demo, else of this configuration; with the token of `AIP_TOKEN`, else one that this
 *  installation's own keys give to an active user with the permission.
 *  @throws CommandError — nobody here may do it */
export async function serverApi(permission: Permission): Promise<ServerApi> {
  const { url, token } = commandEnvironment();
  return new ServerApi((url ?? localUrl()).replace(/\/+$/, ''), token ?? (await mintedToken(permission)));
}

function localUrl(): string {
  try {
    return demoEnvironment().get('DEMO_URL') ?? configuration().server.publicUrl;
  } catch (error) {
    if (error instanceof CommandError) return configuration().server.publicUrl;
    throw error;
  }
}

function mintedToken(permission: Permission): Promise<string> {
  return withServices((context) => {
    const identity = context.get(IdentityService);
    const user = identity
      .directory()
      .users()
      .find(({ id }) => identity.principalOf(id).permissions.has(permission));
    if (user === undefined)
      throw new CommandError(`No active user may use ${permission}. Give a token in AIP_TOKEN.`, EXIT.finding);
    return Promise.resolve(identity.mintToken({ userId: user.id, ttlSeconds: TOKEN_SECONDS }).token);
  });
}

function refusalOf({ status, body }: ApiAnswer): string {
  let problem: Problem = {};
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    // A proxy on the way may answer with anything.
  }
  const fields = (problem.violations ?? []).map(({ field, message }) => `${field}: ${message}`);
  return [problem.detail ?? `The server answered ${String(status)}.`, ...fields].join('\n  ');
}

function exitOf(status: number): number {
  if (status >= 500) return EXIT.unavailable;
  return status === 400 ? EXIT.usage : EXIT.finding;
}
