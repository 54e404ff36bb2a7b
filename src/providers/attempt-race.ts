import type { Emission } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import type { Begun, CallAttempts } from './call-attempts.js';
import type { AttemptStep } from './running-attempt.js';

/** What an attempt brought first. */
export interface FirstDelta {
  readonly begun: Begun;
  readonly emissions: readonly Emission[];
  readonly last: boolean;
}

/** How the wait for a first delta ended. All attempts that failed are ended; `failure` is that of the first one. */
export type RaceEnd =
  | ({ readonly kind: 'won' } & FirstDelta)
  | { readonly kind: 'lost'; readonly failure: UpstreamFailure; readonly begun: Begun };

/** A second attempt for the case that the first is late. */
export interface Hedge {
  /** Resolves when the first attempt is late; never rejects. `cancel` ends the wait. */
  readonly due: Promise<void>;
  readonly cancel: () => void;
  /** Begins the second attempt, or finds that there may be none. */
  readonly begin: () => Begun | null;
}

interface Arrival {
  readonly begun: Begun;
  readonly step: AttemptStep;
}

/** Waits for the first valid delta of an attempt, and of a second one when the first is late. The first to bring one wins; the
 *  other is cut off and ends as `cancelled_hedge`. Runs once. */
export class AttemptRace {
  readonly #running = new Map<Begun, Promise<Arrival>>();
  #late: Promise<'late'> | undefined;
  #lost: UpstreamFailure | undefined;

  constructor(
    private readonly attempts: CallAttempts,
    private readonly first: Begun,
    private readonly hedge: Hedge | null,
  ) {
    this.#late = hedge?.due.then(() => 'late' as const);
  }

  /** `isGone`: the caller has left, so nothing that ends now is a failure; those attempts stay open for their end. */
  async run(isGone: () => boolean): Promise<RaceEnd> {
    this.#await(this.first);
    try {
      for (;;) {
        const event = await Promise.race([
          ...this.#running.values(),
          ...(this.#late === undefined ? [] : [this.#late]),
        ]);
        if (event === 'late') {
          this.#startHedge();
          continue;
        }
        const { begun, step } = event;
        this.#running.delete(begun);
        if (step.kind === 'emissions') return this.#win(begun, step);
        if (!isGone()) this.attempts.end(begun, step.failure.outcome, step.failure);
        if (begun === this.first || this.#lost === undefined) this.#lost = step.failure;
        if (this.#running.size === 0) return { kind: 'lost', failure: this.#lost, begun };
      }
    } finally {
      this.hedge?.cancel();
    }
  }

  #await(begun: Begun): void {
    this.#running.set(
      begun,
      begun.run.next().then((step) => ({ begun, step })),
    );
  }

  #startHedge(): void {
    this.#late = undefined;
    const second = this.hedge?.begin() ?? null;
    if (second !== null) this.#await(second);
  }

  #win(begun: Begun, step: Extract<AttemptStep, { kind: 'emissions' }>): RaceEnd {
    for (const other of this.#running.keys()) {
      other.run.abandon();
      this.attempts.end(other, 'cancelled_hedge', null);
    }
    return { kind: 'won', begun, emissions: step.emissions, last: step.last };
  }
}
