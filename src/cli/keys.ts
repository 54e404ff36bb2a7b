import { IdentityService, KeysService } from '../identity/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

/** `aip key create` */
export const keyCreate: Command = {
  name: 'key create',
  args: '--user <e-mail> --name <name>',
  summary: 'Make a virtual key and print it once',
  options: {
    user: { type: 'string', describe: 'e-mail address of the user or service the key belongs to' },
    name: { type: 'string', describe: 'what the key is for' },
    test: { type: 'boolean', describe: 'an aip_test_ key: simulated partners only' },
    batch: { type: 'boolean', describe: 'for work that may wait' },
  },
  async run({ values, json }) {
    const { user, name } = values;
    if (typeof user !== 'string' || typeof name !== 'string')
      throw usageError('name the user with --user and the key with --name');
    const created = await withServices(async (context) => {
      const owner = context
        .get(IdentityService)
        .directory()
        .users()
        .find(({ email }) => email === user);
      if (owner === undefined) throw usageError('there is no such user');
      return context
        .get(KeysService)
        .createKey(
          { kind: 'system', orgId: owner.orgId },
          { name, userId: owner.id, live: values['test'] !== true, batch: values['batch'] === true },
        );
    });
    if (json) printJson({ id: created.key.id, secret: created.secret });
    else {
      printLine(created.secret);
      printLine(`Key ${created.key.id}. It is shown this once; revoke it with: aip key revoke ${created.key.id}`);
    }
    return EXIT.ok;
  },
};

/** True when the organisation had the key. */
async function revoked(keys: KeysService, orgId: string, id: string): Promise<boolean> {
  try {
    await keys.revokeKey({ kind: 'system', orgId }, id);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return false;
    throw error;
  }
}

/** `aip key revoke` */
export const keyRevoke: Command = {
  name: 'key revoke',
  args: '<id>',
  summary: 'Revoke a virtual key on every replica',
  options: {},
  async run({ positionals, json }) {
    const [id] = positionals;
    if (id === undefined) throw usageError('name the key by its id');
    await withServices(async (context) => {
      const keys = context.get(KeysService);
      for (const { id: orgId } of context.get(IdentityService).directory().organisations()) {
        if (await revoked(keys, orgId, id)) return;
      }
      throw usageError('there is no such key');
    });
    if (json) printJson({ id, revoked: true });
    else printLine(`Key ${id} is revoked.`);
    return EXIT.ok;
  },
};
