import { initialiseSecrets } from '../secrets.js';
import type { Command } from './command.js';
import { configuration } from './environment.js';
import { EXIT } from './exit-codes.js';
import { printJson, printLine } from './print.js';

/** `aip secrets init` */
export const secretsInit: Command = {
  name: 'secrets init',
  args: '',
  summary: 'Make the secret files that are missing',
  options: {},
  run({ json }) {
    const made = initialiseSecrets(configuration(), { create: true });
    if (json) printJson({ made });
    else printLine(made.length === 0 ? 'All secrets are there.' : made.map((file) => `made ${file}`).join('\n'));
    return Promise.resolve(EXIT.ok);
  },
};
