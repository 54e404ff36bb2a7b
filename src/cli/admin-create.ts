import { IdentityService, UsersService } from '../identity/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

const EMAIL = /^[^@\s]{1,64}@[^@\s]{1,189}$/;

/** `aip admin create` */
export const adminCreate: Command = {
  name: 'admin create',
  args: '--organisation <name> --email <e-mail>',
  summary: 'Make an administrator, and the organisation when it is new',
  options: {
    organisation: { type: 'string', describe: 'name of the organisation' },
    email: { type: 'string', describe: 'address of the administrator' },
  },
  async run({ values, json }) {
    const { organisation: name, email } = values;
    if (typeof name !== 'string' || name.trim() === '') throw usageError('name the organisation with --organisation');
    if (typeof email !== 'string' || !EMAIL.test(email)) throw usageError('give the e-mail address with --email');
    const made = await withServices(
      async (context) => {
        const people = context.get(UsersService);
        const known = context
          .get(IdentityService)
          .directory()
          .organisations()
          .find((one) => one.name === name);
        const organisation =
          known ?? (await people.createOrganisation({ name, requireInvestigation: false, requirePurpose: false }));
        const user = await people.createUser(
          { kind: 'system', orgId: organisation.id },
          { kind: 'person', email, displayName: email, roles: [{ role: 'admin', teamId: null, grants: [] }] },
        );
        return { organisationId: organisation.id, userId: user.id };
      },
      { makesKeys: true },
    );
    if (json) printJson(made);
    else {
      printLine(`Administrator ${made.userId} of organisation ${made.organisationId}.`);
      printLine(`An access token for the API: aip token mint --user ${email}`);
    }
    return EXIT.ok;
  },
};
