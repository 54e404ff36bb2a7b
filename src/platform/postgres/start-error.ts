/** The database could not be started. `message` says what was wrong and what to do; `exitCode` is a sysexits number
 *  for the process: 69 unavailable here, 70 made by another release, 78 configuration. */
export class StartError extends Error {
  override readonly name = 'StartError';

  constructor(
    readonly exitCode: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
