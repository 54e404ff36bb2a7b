import type { Criticality } from '../platform/security/index.js';

/** How one request of the surge ended. `lost`: neither answered nor told when to come back. */
export type SurgeOutcome = 'answered' | 'shed' | 'refused' | 'lost';

/** One answer, or what came instead of it. */
export interface SurgeAnswer {
  readonly criticality: Criticality;
  /** 0: no answer at all. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Everything that arrived; for a failure of the connection its code. */
  readonly body: string;
  /** Milliseconds until the whole answer was there. */
  readonly tookMs: number;
}

/** Counts of a surge, in the order they are printed. */
export interface SurgeFigures {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly refused: number;
  readonly failedOver: number;
  readonly shed: Readonly<Partial<Record<Criticality, number>>>;
  /** Milliseconds of our own before the first dispatch; null: nothing was answered. */
  readonly admission: { readonly p50: number; readonly p99: number } | null;
  /** Milliseconds until a refusal for lack of capacity came. */
  readonly shedAfter: { readonly p50: number; readonly p99: number } | null;
  readonly byProvider: Readonly<Record<string, number>>;
  /** What went wrong with lost and refused requests, most frequent first. */
  readonly reasons: readonly (readonly [string, number])[];
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Says how a request ended. A stream ends with its last event or it is lost. */
export function judgeAnswer({ status, headers, body }: SurgeAnswer): SurgeOutcome {
  if (status === 200) {
    const isStream = first(headers['content-type'])?.startsWith('text/event-stream') === true;
    const isWhole = isStream ? body.trimEnd().endsWith('data: [DONE]') : body.trimEnd().endsWith('}');
    return isWhole ? 'answered' : 'lost';
  }
  if (status === 503 && Number(first(headers['retry-after'])) > 0) return 'shed';
  return status === 429 || status === 402 ? 'refused' : 'lost';
}

/** The smallest value that at least a share `q` of the others does not exceed. `sorted`: ascending, not empty. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

function spread(values: readonly number[]): SurgeFigures['admission'] {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

function reasonOf({ status, body }: SurgeAnswer): string {
  const code = /"code":\s*"(\w+)"/.exec(body)?.[1];
  if (status === 0) return body.slice(0, 60);
  return status === 200 ? 'the stream broke off' : `${String(status)} ${code ?? ''}`.trim();
}

/** Adds up how the requests of a surge ended. */
export class SurgeTally {
  #sent = 0;
  #failedOver = 0;
  readonly #outcomes = new Map<SurgeOutcome, number>();
  readonly #shed = new Map<Criticality, number>();
  readonly #providers = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #admissionMs: number[] = [];
  readonly #shedMs: number[] = [];

  /** A request left. */
  noteSent(): void {
    this.#sent += 1;
  }

  /** It ended. */
  add(answer: SurgeAnswer): void {
    const outcome = judgeAnswer(answer);
    raise(this.#outcomes, outcome);
    if (outcome === 'answered') this.#answered(answer);
    else if (outcome === 'shed') {
      raise(this.#shed, answer.criticality);
      this.#shedMs.push(answer.tookMs);
    } else raise(this.#reasons, reasonOf(answer));
  }

  /** Requests without an end yet. */
  get inFlight(): number {
    return this.#sent - [...this.#outcomes.values()].reduce((total, count) => total + count, 0);
  }

  figures(): SurgeFigures {
    const count = (outcome: SurgeOutcome): number => this.#outcomes.get(outcome) ?? 0;
    return {
      sent: this.#sent,
      answered: count('answered'),
      lost: count('lost') + this.inFlight,
      refused: count('refused'),
      failedOver: this.#failedOver,
      shed: Object.fromEntries(this.#shed),
      admission: spread(this.#admissionMs),
      shedAfter: spread(this.#shedMs),
      byProvider: Object.fromEntries(this.#providers),
      reasons: [...this.#reasons].sort(([, a], [, b]) => b - a).slice(0, 10),
    };
  }

  #answered({ headers }: SurgeAnswer): void {
    const overheadMs = Number(first(headers['aip-overhead-ms']));
    if (Number.isFinite(overheadMs)) this.#admissionMs.push(overheadMs);
    if (Number(first(headers['aip-attempts'])) > 1) this.#failedOver += 1;
    raise(this.#providers, first(headers['aip-provider']) ?? 'unknown');
  }
}

function raise<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
