import type { Command } from './command.js';
import { EXIT } from './exit-codes.js';
import { printJson, printLine } from './print.js';
import { findProvider, listProviders, printFindings, testProvider, type ProviderDetails } from './provider-view.js';
import { serverApi } from './server-api.js';

const NAME_WIDTH = 20;
const STATE_WIDTH = 10;

/** `aip provider list` */
export const providerList: Command = {
  name: 'provider list',
  args: '',
  summary: 'Show the partners, their models and states',
  options: {},
  async run({ json }) {
    const api = await serverApi('provider:write');
    const details: ProviderDetails[] = [];
    for (const { id } of await listProviders(api)) {
      details.push(await api.call<ProviderDetails>({ method: 'GET', path: `/api/providers/${id}` }));
    }
    if (json) printJson(details);
    for (const { name, vendor, state, baseUrl, deployments } of json ? [] : details) {
      printLine(`${name.padEnd(NAME_WIDTH)} ${state.padEnd(STATE_WIDTH)} ${vendor.padEnd(STATE_WIDTH)} ${baseUrl}`);
      for (const { model, state: own } of deployments) printLine(`  ${model}${own === 'enabled' ? '' : ` (${own})`}`);
    }
    return EXIT.ok;
  },
};

/** `aip provider test` */
export const providerTest: Command = {
  name: 'provider test',
  args: '<name>',
  summary: 'Test the connection to a partner without cost and say what is wrong',
  options: {},
  async run({ positionals, json }) {
    const api = await serverApi('provider:write');
    const { id, name } = await findProvider(api, positionals[0]);
    const findings = await testProvider(api, id);
    if (json) printJson({ id, name, findings });
    else printFindings(name, findings);
    return findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.finding;
  },
};

function stateCommand(verb: 'drain' | 'resume', words: { readonly summary: string; readonly done: string }): Command {
  return {
    name: `provider ${verb}`,
    args: '<name>',
    summary: words.summary,
    options: {},
    async run({ positionals, json }) {
      const api = await serverApi('provider:write');
      const { id, version } = await findProvider(api, positionals[0]);
      const after = await api.call<ProviderDetails>({ method: 'POST', path: `/api/providers/${id}/${verb}`, version });
      if (json) printJson({ id, name: after.name, state: after.state });
      else printLine(`${after.name} ${words.done}`);
      return EXIT.ok;
    },
  };
}

/** `aip provider drain` */
export const providerDrain = stateCommand('drain', {
  summary: 'Give a partner no new calls; running ones end, then it is disabled',
  done: 'gets no new calls; it is disabled when the running ones have ended.',
});

/** `aip provider resume` */
export const providerResume = stateCommand('resume', {
  summary: 'Put a drained partner back into service, slowly at first',
  done: 'is back in service; its share grows as it answers.',
});

/** `aip provider remove` */
export const providerRemove: Command = {
  name: 'provider remove',
  args: '<name> [--force]',
  summary: 'Remove a partner and its models; records of what it did stay',
  options: { force: { type: 'boolean', describe: 'also when a model loses the last partner that serves it' } },
  async run({ positionals, values, json }) {
    const api = await serverApi('provider:write');
    const { id, name, version } = await findProvider(api, positionals[0]);
    const query = values['force'] === true ? '?force=1' : '';
    await api.call({ method: 'DELETE', path: `/api/providers/${id}${query}`, version });
    if (json) printJson({ id, name, removed: true });
    else printLine(`${name} is removed.`);
    return EXIT.ok;
  },
};
