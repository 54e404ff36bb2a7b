import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

import { environmentVariable } from './environment.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';

const MAX_CHARACTERS = 10_000;

/** Options of commands that take a secret. It never stands on the command line, where every user of the machine could read it. */
export const SECRET_OPTIONS = {
  'secret-file': { type: 'string', describe: 'file that holds the secret; - is standard input' },
  'secret-env': { type: 'string', describe: 'name of the environment variable that holds the secret' },
} as const;

/** Reads the secret from where the command line says, else from standard input: as it comes when that is no terminal, without echo
 *  when it is. Undefined: none was given and none is needed. @throws CommandError when there is none where one was promised */
export async function readSecretInput(
  values: Readonly<Record<string, string | boolean | undefined>>,
  { isNeeded, prompt }: { readonly isNeeded: boolean; readonly prompt: string },
): Promise<string | undefined> {
  const { 'secret-file': file, 'secret-env': variable } = values;
  if (file !== undefined && variable !== undefined) throw usageError('give either --secret-file or --secret-env');
  if (typeof variable === 'string')
    return cleaned(environmentVariable(variable), `the variable ${variable} is not set`);
  if (typeof file === 'string') return cleaned(textOf(file), `${file} is empty`);
  if (!isNeeded) return undefined;
  const text = process.stdin.isTTY ? await asked(prompt) : textOf('-');
  return cleaned(text, 'no secret on standard input; use --secret-file or --secret-env');
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    throw new CommandError(`cannot read the secret from ${file} (${String(code)})`, EXIT.unreadable);
  }
}

function cleaned(text: string | undefined, missing: string): string {
  const secret = text?.trim() ?? '';
  if (secret === '') throw usageError(missing);
  if (secret.length > MAX_CHARACTERS) throw usageError(`a secret has at most ${String(MAX_CHARACTERS)} characters`);
  return secret;
}

/** Asks on the terminal without showing what is typed. */
function asked(prompt: string): Promise<string> {
  process.stderr.write(`${prompt}: `);
  const silent = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    terminal.question('', (line) => {
      terminal.close();
      process.stderr.write('\n');
      resolve(line);
    });
    terminal.once('close', () => {
      resolve('');
    });
  });
}
