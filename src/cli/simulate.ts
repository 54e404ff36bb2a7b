import { SIMULATED_PARTNERS } from '../providers/index.js';
import type { Command, Invocation } from './command.js';
import { secondsOf } from './duration.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';
import { serverApi, type ServerApi } from './server-api.js';

const DEFAULT_SECONDS = 60;
const MAX_SECONDS = 3_600;
const FAULTS = '/api/simulation/faults';
const NAME_WIDTH = 14;
const FAULT_WIDTH = 16;

/** A fault in force, as REST shows it. */
interface ListedFault {
  readonly provider: string;
  readonly fault: string;
  readonly model: string | null;
  readonly ratio: number;
  readonly until: string;
}

function describe({ provider, fault, model, ratio, until }: ListedFault): string {
  const share = ratio === 1 ? 'every request' : `${String(Math.round(ratio * 100))} % of requests`;
  const meets = model === null ? share : `${share} for ${model}`;
  return `${provider.padEnd(NAME_WIDTH)} ${fault.padEnd(FAULT_WIDTH)} ${meets}, until ${until}`;
}

async function list(api: ServerApi, json: boolean): Promise<void> {
  const { data } = await api.call<{ data: readonly ListedFault[] }>({ method: 'GET', path: FAULTS });
  if (json) printJson(data);
  else if (data.length === 0) printLine('No simulated partner has a fault.');
  else for (const fault of data) printLine(describe(fault));
}

async function clear(api: ServerApi, partner: string | undefined, json: boolean): Promise<void> {
  const path = partner === undefined ? FAULTS : `${FAULTS}/${encodeURIComponent(partner)}`;
  const { cleared } = await api.call<{ cleared: number }>({ method: 'DELETE', path });
  if (json) printJson({ provider: partner ?? null, cleared });
  else printLine(`${partner ?? 'Every simulated partner'} works again; ${String(cleared)} faults ended.`);
}

async function set(
  api: ServerApi,
  { fault, provider }: { readonly fault: string; readonly provider: string },
  { values, json }: Invocation,
): Promise<void> {
  const seconds = secondsOf(values['for'], { option: 'for', standard: DEFAULT_SECONDS, most: MAX_SECONDS });
  const body = {
    provider,
    fault,
    seconds,
    ...(values['ratio'] === undefined ? {} : { ratio: Number(values['ratio']) }),
    ...(typeof values['model'] === 'string' ? { model: values['model'] } : {}),
  };
  const made = await api.call<ListedFault>({ method: 'POST', path: FAULTS, body });
  if (json) printJson(made);
  else printLine(`${describe(made)} (${String(seconds)} s). End it sooner: aip sim clear ${provider}`);
}

/** `aip sim` */
export const simulate: Command = {
  name: 'sim',
  args: 'list | clear [partner] | <fault> <partner>',
  summary: 'Break a simulated partner for a while, show what is broken, mend it',
  options: {
    for: { type: 'string', describe: `how long: 60s, 5m; ${String(DEFAULT_SECONDS)}s when absent, at most an hour` },
    ratio: { type: 'string', describe: 'share of requests that meet the fault, above 0 and at most 1' },
    model: { type: 'string', describe: 'only requests for this model' },
  },
  notes: [
    `Partners: ${SIMULATED_PARTNERS.map(({ name }) => name).join(', ')}`,
    'Faults before a connection stands: outage, dns, tls, reset:connect',
    'Faults before an answer: reset, http:<400 to 599>, throttle, slow-headers',
    'Faults within an answer: stall:before|after, cut:before|after, drip, malformed, error-in-200, truncate, huge',
    'Faults of its figures: no-usage, wrong-usage',
    'Example: aip sim cut:after sim-economy --for 2m --ratio 0.3',
  ],
  async run(invocation) {
    const { positionals, json } = invocation;
    const [first, ...rest] = positionals[0] === 'set' ? positionals.slice(1) : positionals;
    const [second] = rest;
    if (first === undefined || (second === undefined && first !== 'list' && first !== 'clear'))
      throw usageError('name a fault and a partner: aip sim outage sim-economy. See: aip sim --help');
    const api = await serverApi('system:write');
    if (first === 'list') await list(api, json);
    else if (first === 'clear') await clear(api, second, json);
    else if (second !== undefined) await set(api, { fault: first, provider: second }, invocation);
    return EXIT.ok;
  },
};
