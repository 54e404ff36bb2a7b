import type { UpstreamFailure } from '../adapters/failure.js';
import type { Deployment } from './deployment.js';
import { FAILURE_RULES } from './failure-rules.js';

const MAX_AGAIN = 2;
const FIRST_WAIT_MS = 100;

/** What to do after a failure. `again`: the same deployment, on a connection of its own when `fresh`, after `waitMs`. */
export type Move =
  | { readonly kind: 'next' }
  | { readonly kind: 'again'; readonly fresh: boolean; readonly waitMs: number }
  | { readonly kind: 'stop' };

/** What the cursor must know beside the failure. */
export interface MoveFacts {
  /** Another credential of the same deployment may be used. */
  readonly otherCredential: boolean;
  /** Attempts that may still be made. */
  readonly attemptsLeft: number;
  readonly leftMs: number;
  /** A refusal of the content may be put to other models. */
  readonly refusalMovesOn: boolean;
  /** In [0, 1). */
  readonly random: number;
  /** Takes from the deployment's retry budget. */
  readonly takeRetry: () => boolean;
}

const NEXT: Move = { kind: 'next' };
const STOP: Move = { kind: 'stop' };

/** Refusals of a request that providers agree on; any other 4xx may be one provider's peculiarity. */
const KNOWN_REFUSALS: ReadonlySet<number> = new Set([400, 422]);

/** Walks a plan: which deployment is tried, and what a failure means for the next step. Never goes back. */
export class CandidateCursor {
  #index = 0;
  #staleUsed = false;
  #again = 0;
  #minContext = 0;
  #unknownUsed = false;
  readonly #taken = new Set<string>();
  readonly #refusedModels = new Set<string>();

  constructor(private readonly plan: readonly Deployment[]) {}

  /** The candidate to try, or null when none is left. */
  get current(): Deployment | null {
    return this.plan[this.#index] ?? null;
  }

  /** The candidates after the current one that may still be tried, in order. */
  get waiting(): readonly Deployment[] {
    return this.plan.slice(this.#index + 1).filter((one) => !this.#isOut(one));
  }

  /** Marks one of {@link waiting} as tried, out of its turn. */
  take({ id }: Deployment): void {
    this.#taken.add(id);
  }

  /** Passes over the current candidate without an attempt. */
  skip(): void {
    this.#advance();
  }

  /** Decides after a failure of the current candidate; on `next` the cursor already stands there. */
  failed(failure: UpstreamFailure, facts: MoveFacts): Move {
    if (failure.class === 'stale_socket' && !this.#staleUsed) {
      this.#staleUsed = true;
      return { kind: 'again', fresh: true, waitMs: 0 };
    }
    const rule = FAILURE_RULES[failure.class];
    if (!this.#leadsOn(failure, facts) || facts.attemptsLeft < 1) return STOP;
    if (facts.otherCredential) return { kind: 'again', fresh: false, waitMs: 0 };
    if (this.plan.length === 1) return this.#alone(failure, facts);
    if (rule.next === 'larger') this.#minContext = (this.current?.capabilities.context ?? 0) + 1;
    this.#advance();
    return this.current === null ? STOP : NEXT;
  }

  /** Whether any candidate may be asked after this failure. */
  #leadsOn(failure: UpstreamFailure, facts: MoveFacts): boolean {
    if (failure.class === 'content_refused' && facts.refusalMovesOn) {
      if (this.current !== null) this.#refusedModels.add(this.current.model);
      return true;
    }
    if (failure.class === 'caller' && isUnknownRefusal(failure) && !this.#unknownUsed) {
      this.#unknownUsed = true;
      return true;
    }
    return FAILURE_RULES[failure.class].next !== 'none';
  }

  #advance(): void {
    this.#staleUsed = false;
    do this.#index += 1;
    while (this.current !== null && this.#isOut(this.current));
  }

  #isOut(deployment: Deployment): boolean {
    const { id, model } = deployment;
    return this.#taken.has(id) || this.#refusedModels.has(model) || isSmaller(deployment, this.#minContext);
  }

  /** Full jitter; a provider's Retry-After is kept to, and refuses a second try that would come too late. */
  #alone(failure: UpstreamFailure, facts: MoveFacts): Move {
    const rule = FAILURE_RULES[failure.class];
    if (!rule.again || failure.billed !== 'no' || this.#again >= MAX_AGAIN) return STOP;
    const jitterMs = facts.random * FIRST_WAIT_MS * 2 ** this.#again;
    const waitMs = Math.max(jitterMs, failure.retryAfterMs ?? 0);
    if (waitMs >= facts.leftMs || !facts.takeRetry()) return STOP;
    this.#again += 1;
    return { kind: 'again', fresh: false, waitMs };
  }
}

function isUnknownRefusal({ outcome, status }: UpstreamFailure): boolean {
  return outcome === 'http_error' && status !== null && status < 500 && !KNOWN_REFUSALS.has(status);
}

/** True when the window is known and below `minContext`; 0 says it is unknown. */
function isSmaller({ capabilities }: Deployment, minContext: number): boolean {
  return capabilities.context !== 0 && capabilities.context < minContext;
}
