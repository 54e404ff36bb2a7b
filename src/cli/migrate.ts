import { MIGRATIONS } from '../../migrations/index.js';
import { migrationStatus, runMigrations } from '../platform/database/index.js';
import type { Command } from './command.js';
import { configuration, reachDatabase } from './environment.js';
import { EXIT } from './exit-codes.js';
import { printJson, printLine } from './print.js';

async function onDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const database = await reachDatabase(configuration());
  try {
    return await work(database.url);
  } finally {
    await database.stop();
  }
}

/** `aip migrate status` */
export const migrateStatus: Command = {
  name: 'migrate status',
  args: '',
  summary: 'Show which migrations are applied and which are pending',
  options: {},
  async run({ json }) {
    const status = await onDatabase((url) => migrationStatus(url, MIGRATIONS));
    if (json) printJson(status);
    else {
      printLine(`applied ${String(status.applied.length)}, pending ${String(status.pending.length)}`);
      for (const name of status.pending) printLine(`  ${name}`);
    }
    return status.pending.length === 0 ? EXIT.ok : EXIT.finding;
  },
};

/** `aip migrate up` */
export const migrateUp: Command = {
  name: 'migrate up',
  args: '',
  summary: 'Bring the database schema up to date',
  options: {},
  async run({ json }) {
    const ran = await onDatabase((url) => runMigrations(url, MIGRATIONS));
    if (json) printJson({ ran });
    else printLine(ran.length === 0 ? 'The schema is up to date.' : ran.map((name) => `applied ${name}`).join('\n'));
    return EXIT.ok;
  },
};
