import { IdentityService } from '../identity/index.js';
import { isUuid } from '../platform/ids/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

const MAX_MINUTES = 60;

/** `aip token mint` */
export const tokenMint: Command = {
  name: 'token mint',
  args: '--user <id or e-mail>',
  summary: 'Print an access token of the local issuer',
  options: {
    user: { type: 'string', describe: 'whose token: user id or e-mail address' },
    minutes: { type: 'string', describe: `life of the token, 1 to ${String(MAX_MINUTES)}; 15 when absent` },
  },
  async run({ values, json }) {
    const user = values['user'];
    if (typeof user !== 'string' || user === '') throw usageError('name the user with --user');
    const minutes = Number(values['minutes'] ?? 15);
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) {
      throw usageError(`--minutes takes a whole number from 1 to ${String(MAX_MINUTES)}`);
    }
    const token = await withServices((context) => {
      const identity = context.get(IdentityService);
      const found = isUuid(user)
        ? user
        : identity
            .directory()
            .users()
            .find(({ email }) => email === user)?.id;
      if (found === undefined) throw usageError('there is no such user');
      return Promise.resolve(identity.mintToken({ userId: found, ttlSeconds: minutes * 60 }));
    });
    if (json) printJson(token);
    else printLine(token.token);
    return EXIT.ok;
  },
};
