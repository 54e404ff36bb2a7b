/** One line for people or scripts. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line about a failure. */
export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A result as one JSON line. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value));
}
