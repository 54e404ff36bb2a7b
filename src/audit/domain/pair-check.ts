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

  /** What is added from now on stands on this lane. Returns its ordinal. */
  lane(lane: string): number {
    return this.#lanes.push(lane) - 1;
  }

  /** Takes a core into account. `lane`: ordinal of its lane; by default that of the newest. */
  add(core: ReadCore, lane = this.#lanes.length - 1): void {
    const place: Place = { lane, n: core.n };
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

  /** Ends the check over a part of a log: what is open may end later, what has no beginning may have one before. `isOver`: the
   *  lane of an intent is closed for so long that nothing will end it any more. */
  endPart(isOver: (lane: string) => boolean, isWhole: boolean): { readonly open: number; readonly orphans: number } {
    let [open, orphans] = [0, 0];
    for (const { flags, ...place } of this.#calls.entries()) {
      const has = (flag: number): boolean => (flags & flag) !== 0;
      if ((has(TERMINAL) || has(RESOLVED)) && !has(INTENT)) {
        orphans += 1;
        if (isWhole) this.findings.add('E_ORPHAN_OUTCOME', this.#where(place));
      }
      if (has(SECOND_TERMINAL)) this.findings.add('E_TERMINAL', this.#where(place));
      if (!has(INTENT) || has(TERMINAL)) continue;
      if (isOver(this.#lanes[place.lane] ?? '?')) this.findings.add('E_OPEN_INTENT', this.#where(place));
      else open += 1;
    }
    return { open, orphans };
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
