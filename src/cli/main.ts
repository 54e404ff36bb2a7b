import { parseArgs } from 'node:util';

import { ConfigError } from '../platform/config/index.js';
import { SchemaTooNewError } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { StartError } from '../platform/postgres/index.js';
import { SecretFileError } from '../platform/secrets/index.js';
import type { Command } from './command.js';
import { COMMANDS } from './commands.js';
import { CommandError, EXIT } from './exit-codes.js';
import { printError, printLine } from './print.js';

const NAME_WIDTH = 52;

function usage(): string {
  const lines = COMMANDS.map(
    ({ name, args, summary }) => `  aip ${`${name} ${args}`.trim().padEnd(NAME_WIDTH)} ${summary}`,
  );
  return ['aip - AI Partners', '', ...lines, '', 'Every command takes --json and --help.'].join('\n');
}

function find(argv: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: argv.slice(words) };
  }
  return undefined;
}

async function execute(command: Command, rest: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
    strict: true,
  });
  if (values.help === true) {
    printLine(`aip ${command.name} ${command.args}\n\n${command.summary}`);
    for (const [name, { describe }] of Object.entries(command.options)) printLine(`  --${name.padEnd(18)} ${describe}`);
    for (const note of command.notes ?? []) printLine(`  ${note}`);
    return EXIT.ok;
  }
  return command.run({ values, positionals, json: values.json === true });
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError || error instanceof StartError) return error.exitCode;
  if (error instanceof ConfigError || error instanceof SecretFileError) return EXIT.configuration;
  if (error instanceof SchemaTooNewError) return EXIT.software;
  if (error instanceof AppError) return error.entry.status >= 500 ? EXIT.unavailable : EXIT.finding;
  if (String((error as { code?: unknown } | null)?.code).startsWith('ERR_PARSE_ARGS_')) return EXIT.usage;
  return EXIT.software;
}

/** Runs one command line and resolves to the exit status. Never throws: a failure is one line on stderr. */
export async function run(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === 'help' || first === '--help') {
    printLine(usage());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  const found = find(argv);
  if (found === undefined) {
    printError(`aip: unknown command "${argv.slice(0, 2).join(' ')}". See: aip help`);
    return EXIT.usage;
  }
  try {
    return await execute(found.command, found.rest);
  } catch (error) {
    const status = exitCodeOf(error);
    printError(`aip ${found.command.name}: ${error instanceof Error ? error.message : String(error)}`);
    if (status === EXIT.software && error instanceof Error && error.stack !== undefined) printError(error.stack);
    return status;
  }
}
