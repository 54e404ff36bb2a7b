import { isUuid } from '../platform/ids/index.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printLine } from './print.js';
import type { ServerApi } from './server-api.js';

/** A provider as the list shows it. */
export interface ListedProvider {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  readonly baseUrl: string;
  readonly network: string;
  readonly state: string;
  readonly version: number;
}

/** A provider with what hangs on it. */
export interface ProviderDetails extends ListedProvider {
  readonly deployments: readonly { readonly id: string; readonly model: string; readonly state: string }[];
  readonly credentials: readonly { readonly hint: string | null; readonly state: string }[];
}

/** What the connection test found. */
export interface Finding {
  readonly model: string | null;
  readonly ok: boolean;
  readonly problem: string;
  readonly message: string;
  readonly latencyMs: number;
}

interface Page<T> {
  readonly data: readonly T[];
  readonly next: string | null;
}

/** All providers, by name. */
export async function listProviders(api: ServerApi): Promise<readonly ListedProvider[]> {
  const all: ListedProvider[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Page<ListedProvider> = await api.call({
      method: 'GET',
      path: `/api/providers?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    });
    all.push(...page.data);
    cursor = page.next;
  }
  return all;
}

/** The provider of this name or id. @throws CommandError with the names there are */
export async function findProvider(api: ServerApi, name: string | undefined): Promise<ProviderDetails> {
  if (name === undefined) throw usageError('name the provider');
  const all = await listProviders(api);
  const found = all.find((one) => one.name === name || (isUuid(name) && one.id === name));
  if (found !== undefined) return api.call({ method: 'GET', path: `/api/providers/${found.id}` });
  const known = all.map((one) => one.name).join(', ');
  throw new CommandError(`There is no provider "${name}".${known === '' ? '' : ` There are ${known}.`}`, EXIT.finding);
}

/** Runs the unbilled connection test. `models`: upstream names that are to be deployed there. */
export async function testProvider(
  api: ServerApi,
  id: string,
  models: readonly string[] = [],
): Promise<readonly Finding[]> {
  const answer = await api.call<{ data: readonly Finding[] }>({
    method: 'POST',
    path: `/api/providers/${id}/test`,
    body: { models },
  });
  return answer.data;
}

/** One line per finding. */
export function printFindings(name: string, findings: readonly Finding[]): void {
  for (const { model, ok, message, latencyMs } of findings) {
    const what = model === null ? name : `${name} ${model}`;
    printLine(`${ok ? 'ok  ' : 'FAIL'} ${what}: ${message} (${String(latencyMs)} ms)`);
  }
}
