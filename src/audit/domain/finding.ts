const MAX_EXAMPLES = 1_000;

/** What is wrong, with the published code. Source: evidence page §10. */
export interface Finding {
  readonly code: string;
  /** Lane and position, or what else tells where. */
  readonly where: string;
}

/** Findings of one verification, bounded: every one is counted, the first 1 000 are kept. */
export class Findings {
  readonly #examples: Finding[] = [];
  readonly #counts = new Map<string, number>();

  add(code: string, where: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    if (this.#examples.length < MAX_EXAMPLES) this.#examples.push({ code, where });
  }

  /** The first 1 000, in the order of their discovery. */
  get examples(): readonly Finding[] {
    return this.#examples;
  }

  /** How often each code was found. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
