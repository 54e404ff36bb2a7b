import { readFileSync } from 'node:fs';
import path from 'node:path';

import { request } from 'undici';

import { configuration } from './environment.js';
import { CommandError, EXIT } from './exit-codes.js';

const TIMEOUT_MS = 120_000;

/** What the demo wrote for the person who tries it: `DEMO_URL`, `DEMO_KEY`, … */
export function demoEnvironment(): ReadonlyMap<string, string> {
  const file = path.join(configuration().data.dataDir, 'demo.env');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new CommandError(`There is no demo here: ${file} is missing. Start it with: npm start`, EXIT.unavailable);
  }
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^(?:export )?([A-Z_]+)="?([^"]*)"?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** An answer of the running server. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Calls the running server. @throws CommandError when nothing listens there */
export async function callApi(
  url: string,
  call: {
    readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  },
): Promise<ApiAnswer> {
  try {
    const answer = await request(url, {
      method: call.method,
      headers: { ...(call.body === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      bodyTimeout: TIMEOUT_MS,
      headersTimeout: TIMEOUT_MS,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code !== 'ECONNREFUSED') throw error;
    throw new CommandError(`Nothing answers at ${new URL(url).origin}. Start it with: npm start`, EXIT.unavailable);
  }
}
