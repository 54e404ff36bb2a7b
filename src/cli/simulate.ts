import { IdentityService } from '../identity/index.js';
import { callApi, demoEnvironment } from './api.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

const DURATION = /^(\d{1,5})(s|m)$/;
const DEFAULT_SECONDS = 60;

function secondsOf(text: string | boolean | undefined): number {
  if (text === undefined) return DEFAULT_SECONDS;
  const [, count, unit] = DURATION.exec(String(text)) ?? [];
  if (count === undefined) throw usageError('--for takes a duration such as 60s or 5m');
  return Number(count) * (unit === 'm' ? 60 : 1);
}

/** A token of somebody who may play with simulated partners. */
async function operatorToken(): Promise<string> {
  return withServices((context) => {
    const identity = context.get(IdentityService);
    const operator = identity
      .directory()
      .users()
      .find(({ id }) => identity.principalOf(id).permissions.has('system:write'));
    if (operator === undefined) throw new CommandError('No active user may use system:write.', EXIT.finding);
    return Promise.resolve(identity.mintToken({ userId: operator.id, ttlSeconds: 60 }).token);
  });
}

/** `aip sim` */
export const simulate: Command = {
  name: 'sim',
  args: '<fault|clear> <partner>',
  summary: 'Break a simulated partner for a while: outage, http:500, stall:before, cut:after, …',
  options: {
    for: { type: 'string', describe: 'how long: 60s, 5m; 60s when absent' },
    ratio: { type: 'string', describe: 'share of requests that meet the fault, 0 to 1' },
    model: { type: 'string', describe: 'only this model' },
  },
  async run({ positionals, values, json }) {
    const [fault, provider] = positionals;
    if (fault === undefined || provider === undefined)
      throw usageError('name a fault and a partner: aip sim outage sim-economy');
    const url = demoEnvironment().get('DEMO_URL') ?? '';
    const headers = { authorization: `Bearer ${await operatorToken()}` };
    const seconds = secondsOf(values['for']);
    const answer =
      fault === 'clear'
        ? await callApi(`${url}/api/simulation/faults/${encodeURIComponent(provider)}`, { method: 'DELETE', headers })
        : await callApi(`${url}/api/simulation/faults`, {
            method: 'POST',
            headers,
            body: {
              provider,
              fault,
              seconds,
              ...(values['ratio'] === undefined ? {} : { ratio: Number(values['ratio']) }),
              ...(typeof values['model'] === 'string' ? { model: values['model'] } : {}),
            },
          });
    if (answer.status >= 300) {
      throw new CommandError(
        (JSON.parse(answer.body) as { detail?: string }).detail ?? 'The server refused.',
        EXIT.finding,
      );
    }
    if (json) printJson({ provider, fault, seconds: fault === 'clear' ? 0 : seconds });
    else printLine(fault === 'clear' ? `${provider} works again.` : `${provider}: ${fault} for ${String(seconds)} s.`);
    return EXIT.ok;
  },
};
