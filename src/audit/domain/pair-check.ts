import type { ReadCore } from './core-check.js';
import type { Findings } from './finding.js';
import { IdTable, type Place } from './id-table.js';
import { TERMINAL_TYPES } from './record-type.js';

const INTENT = 1;
const TERMINAL = 2;
const SECOND_TERMINAL = 4;
const RESOLVED = 8;
const RUNNING = 16;

/** Every id is used once, every intent has one end and every end its intent, whichever lanes they are on. Feed all cores, lane
 *  after lane; memory stays below 150 bytes per record. */
export class PairCheck {
  readonly #lanes: string[] = ['?'];
  readonly #ids = new IdTable();
  readonly #calls = new IdTable();

  constructor(private readonly findings: Findings) {}

  /** What is added from now on stands on this lane. */
  lane(lane: string): void {
    this.#lanes.push(lane);
  }

  /** Takes a core into account. */
  add(core: ReadCore): void {
    const place: Place = { lane: this.#lanes.length - 1, n: core.n };
    if (this.#ids.mark(core.id, 1, place) !== 0) this.findings.add('E_DUP', this.#where(place));
    const request = core.pub['req'];
    if (typeof request !== 'string') return;
    if (core.type === 'ai.request.intent') {
      if ((this.#calls.mark(request, INTENT, place) & INTENT) !== 0) this.findings.add('E_DUP', this.#where(place));
    } else if (TERMINAL_TYPES.has(core.type)) {
      const before = this.#calls.mark(request, TERMINAL, place);
      if ((before & TERMINAL) !== 0) this.#calls.mark(request, SECOND_TERMINAL, place);
    } else if (core.type === 'ai.request.resolved') this.#calls.mark(request, RESOLVED, place);
  }

  /** Ends the check; returns how many calls are open. `running`: requests that the database holds open. */
  end(running: readonly string[]): number {
    for (const request of running) this.#calls.mark(request, RUNNING, { lane: 0, n: 0 });
    let open = 0;
    for (const { flags, ...place } of this.#calls.entries()) {
      const where = this.#where(place);
      const has = (flag: number): boolean => (flags & flag) !== 0;
      if ((has(TERMINAL) || has(RESOLVED)) && !has(INTENT)) this.findings.add('E_ORPHAN_OUTCOME', where);
      if (has(SECOND_TERMINAL)) this.findings.add('E_TERMINAL', where);
      // Open on record and in the table, or in neither.
      if ((has(INTENT) && !has(TERMINAL)) !== has(RUNNING)) this.findings.add('E_OPEN_INTENT', where);
      else if (has(RUNNING)) open += 1;
    }
    return open;
  }

  #where({ lane, n }: Place): string {
    return `${this.#lanes[lane] ?? '?'}/${String(n)}`;
  }
}
