import { TERMINAL_TYPES } from './record-type.js';
import type { Finding, ReadCore } from './verify-lane.js';

interface Call {
  intent: boolean;
  terminals: number;
}

/** Every intent has one end and every end has its intent, whichever lanes they are on. Feed all cores of a log, in any order. */
export class PairCheck {
  readonly #calls = new Map<string, Call>();
  readonly #ids = new Set<string>();
  readonly #duplicates: Finding[] = [];

  /** Takes a core into account. */
  add(core: ReadCore, where: string): void {
    if (this.#ids.has(core.id)) this.#duplicates.push({ code: 'E_DUP', where });
    this.#ids.add(core.id);
    const request = core.pub['req'];
    if (typeof request !== 'string') return;
    if (core.type === 'ai.request.intent') this.#call(request).intent = true;
    else if (TERMINAL_TYPES.has(core.type)) this.#call(request).terminals += 1;
  }

  /** Findings, and how many calls are open. `inFlight`: requests that the database knows to be running. */
  end(inFlight: number): { readonly findings: readonly Finding[]; readonly open: number } {
    const findings = [...this.#duplicates];
    let open = 0;
    for (const [request, { intent, terminals }] of this.#calls) {
      const where = `request ${request}`;
      if (!intent) findings.push({ code: 'E_ORPHAN_OUTCOME', where });
      if (terminals > 1) findings.push({ code: 'E_TERMINAL', where });
      if (intent && terminals === 0) open += 1;
    }
    if (open > inFlight)
      findings.push({ code: 'E_OPEN_INTENT', where: `${String(open)} open, ${String(inFlight)} in flight` });
    return { findings, open };
  }

  #call(request: string): Call {
    let call = this.#calls.get(request);
    if (call === undefined) {
      call = { intent: false, terminals: 0 };
      this.#calls.set(request, call);
    }
    return call;
  }
}
