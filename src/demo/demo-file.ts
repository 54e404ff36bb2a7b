import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What the file tells the person who tries the product; names without `AIP_`, which the server would not know. */
export type DemoVariables = Readonly<Record<`DEMO_${string}`, string>>;

const LINE = /^(DEMO_[A-Z_]+)="([^"]*)"$/;

/** The demo's values for a shell: `source .aip/demo.env`. Holds a key: readable by its owner only. */
export class DemoFile {
  readonly #file: string;

  constructor(dataDir: string) {
    this.#file = path.join(dataDir, 'demo.env');
  }

  /** The value of an earlier start. */
  read(name: `DEMO_${string}`): string | undefined {
    try {
      for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
        const [, found, value] = LINE.exec(line) ?? [];
        if (found === name) return value;
      }
    } catch {
      // No demo was written here yet.
    }
    return undefined;
  }

  /** Replaces the file at once. */
  write(variables: DemoVariables): void {
    const text = Object.entries(variables).map(([name, value]) => `${name}="${value}"\n`);
    mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    const next = `${this.#file}.next`;
    writeFileSync(next, text.join(''), { mode: 0o600 });
    renameSync(next, this.#file);
  }
}
