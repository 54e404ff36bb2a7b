/** Exit statuses. 64 and above are those of sysexits(3). */
export const EXIT = {
  ok: 0,
  finding: 1,
  usage: 2,
  unreadable: 65,
  unavailable: 69,
  software: 70,
  temporary: 75,
  configuration: 78,
} as const;

/** Ends a command with a message for the person who ran it and a status for the script that did. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** The command line itself is wrong. */
export function usageError(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
