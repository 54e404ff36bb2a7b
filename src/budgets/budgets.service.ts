import { Injectable } from '@nestjs/common';

import { IdentityService } from '../identity/index.js';
import type { Tx } from '../platform/database/index.js';
import type { PicoUsd } from '../platform/money/index.js';
import type { Attribution, Criticality } from '../platform/security/index.js';
import type { ConfigSnapshot } from '../platform/snapshot/index.js';
import type { Ask, AskLimit, FlushResult, FlushWork, Shrink } from './ask.js';
import { BudgetFlush } from './budget-flush.js';
import { BudgetTreePart } from './budget-tree-part.js';
import type { MatchedLimit } from './domain/budget-tree.js';
import type { Hold } from './domain/hold.js';
import { unitsOf } from './domain/units.js';
import { LedgerCheck, type LedgerFinding } from './ledger-check.js';
import { BalanceRepository } from './persistence/balance.repository.js';

/** What a call would cost at most at one candidate. */
export interface AskCandidateWish {
  readonly deployment: { readonly id: string; readonly providerId: string; readonly model: string };
  readonly currency: string;
  readonly worst: PicoUsd;
  readonly worstTokens: number;
}

/** A call that holds money already, and the one candidate that matters from now on. */
export interface ServingWish extends Pick<AskWish, 'attribution' | 'criticality'> {
  readonly candidate: AskCandidateWish;
}

/** A call for which money shall be held. */
export interface AskWish {
  readonly holdId: string;
  readonly requestId: string;
  readonly orgId: string;
  readonly attribution: Attribution;
  readonly criticality: Criticality;
  /** In the order of the plan; those in another currency than the first are dropped. */
  readonly candidates: readonly AskCandidateWish[];
  readonly atMs: number;
  readonly expiresAtMs: number;
}

/** Budgets on the way of a request: what it would hold, and the flush that decides. */
@Injectable()
export class BudgetsService {
  constructor(
    private readonly tree: BudgetTreePart,
    private readonly flusher: BudgetFlush,
    private readonly balances: BalanceRepository,
    private readonly ledger: LedgerCheck,
    private readonly identity: IdentityService,
  ) {}

  /** Finds every limit a call falls under and what it would hold there. Reads the snapshot only. */
  askFor(snapshot: ConfigSnapshot, wish: AskWish): Ask {
    const [first] = wish.candidates;
    if (first === undefined) throw new Error('An ask has at least one candidate');
    const tree = snapshot.get(this.tree.part);
    return {
      holdId: wish.holdId,
      orgId: wish.orgId,
      requestId: wish.requestId,
      currency: first.currency,
      criticality: wish.criticality,
      openedAtMs: wish.atMs,
      expiresAtMs: wish.expiresAtMs,
      extends: null,
      // Currencies never meet: one call is held in one of them.
      candidates: wish.candidates
        .filter(({ currency }) => currency === first.currency)
        .map((candidate) => {
          const { providerId, model, id } = candidate.deployment;
          const matched = tree.matching({
            attribution: wish.attribution,
            criticality: wish.criticality,
            deployment: { providerId, model },
            currency: candidate.currency,
          });
          return {
            deploymentId: id,
            served: { providerId, model },
            worst: candidate.worst,
            limits: matched.flatMap((match) => this.#limit(match, candidate, wish)),
          };
        }),
    };
  }

  /** What an extension would add to the hold of a call: money and tokens, and no request more. In the windows of the hold: a call
   *  belongs to those it began in. */
  extensionFor(snapshot: ConfigSnapshot, hold: Hold, wish: ServingWish): Ask {
    const ask = this.askFor(snapshot, askOf(hold, wish));
    return {
      ...ask,
      extends: hold,
      candidates: ask.candidates.map((one) => ({
        ...one,
        limits: one.limits.filter(({ metric }) => metric !== 'REQUESTS'),
      })),
    };
  }

  /** What stays held once it is known which deployment serves. */
  shrinkFor(snapshot: ConfigSnapshot, hold: Hold, wish: ServingWish): Shrink {
    const [serving] = this.askFor(snapshot, askOf(hold, wish)).candidates;
    if (serving === undefined) throw new Error('An ask has at least one candidate');
    return { hold, worst: serving.worst, limits: serving.limits };
  }

  /** One flush; the caller owns the transaction. Settlements first, then asks by criticality and arrival. */
  flush(tx: Tx, flush: FlushWork): Promise<FlushResult> {
    return this.flusher.run(tx, flush);
  }

  /** Open holds of requests. */
  findHolds(tx: Tx, requestIds: readonly string[]): Promise<readonly Hold[]> {
    return this.balances.findHeld(tx, requestIds);
  }

  /** Holds past their life, oldest first. */
  findHeldOlderThan(tx: Tx, atMs: number, limit: number): Promise<readonly Hold[]> {
    return this.balances.findHeldOlderThan(tx, atMs, limit);
  }

  /** Compares ledger, balances, holds and usage; empty: clean. */
  checkLedger(): Promise<readonly LedgerFinding[]> {
    return this.ledger.run();
  }

  #limit({ budget, limit, subject, windows }: MatchedLimit, candidate: AskCandidateWish, wish: AskWish): AskLimit[] {
    const window = windows.at(wish.atMs);
    if (window === undefined) return [];
    const amount = unitsOf(budget.metric, { amount: candidate.worst, tokens: candidate.worstTokens, requests: 1 });
    const isNarrow = budget.match.providers !== null || budget.match.models !== null;
    return [
      {
        limitId: limit.id,
        orgId: budget.orgId,
        subject,
        startsAtMs: window.startsAtMs,
        endsAtMs: window.endsAtMs,
        metric: budget.metric,
        currency: budget.currency,
        enforcement: budget.enforcement,
        limit: limit.amount,
        carveOutBp: budget.carveOutBp,
        period: limit.period,
        amount,
        own: isNarrow || budget.scope.type === 'PROVIDER' || budget.scope.type === 'MODEL',
        budgetId: budget.id,
        facts: {
          id: budget.id,
          name: budget.name,
          scope: { type: budget.scope.type, label: this.#label(budget.scope) },
        },
      },
    ];
  }

  #label({ type, id }: { readonly type: string; readonly id: string }): string | null {
    const directory = this.identity.directory();
    if (type === 'TEAM') return directory.team(id)?.name ?? null;
    if (type === 'ORGANISATION') return directory.organisation(id)?.name ?? null;
    return null;
  }
}

function askOf(hold: Hold, { candidate, attribution, criticality }: ServingWish): AskWish {
  return {
    holdId: hold.id,
    requestId: hold.requestId,
    orgId: hold.orgId,
    attribution,
    criticality,
    candidates: [candidate],
    atMs: hold.openedAtMs,
    expiresAtMs: hold.expiresAtMs,
  };
}
