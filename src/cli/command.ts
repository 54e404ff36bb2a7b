/** What a command was called with. */
export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
}

/** One command of `aip`. */
export interface Command {
  /** One or two words. */
  readonly name: string;
  /** How its arguments are written in the help. */
  readonly args: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly describe: string }>>;
  /** Lines that the help of the command ends with. */
  readonly notes?: readonly string[];
  /** Resolves to the exit status. */
  run(invocation: Invocation): Promise<number>;
}
