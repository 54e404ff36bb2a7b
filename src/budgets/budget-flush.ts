import { Injectable } from '@nestjs/common';

import { MeteringService, type LedgerEntry } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { picoUsd, ZERO, type PicoUsd } from '../platform/money/index.js';
import type { Ask, AskLimit, BudgetFacts, FlushResult, Verdict } from './ask.js';
import {
  addHold,
  decideHolds,
  holdOf,
  settleDeltas,
  type Decision,
  type Delta,
  type ReadyAsk,
} from './domain/decide-holds.js';
import { postedOn, type Hold, type Settle } from './domain/hold.js';
import { OpeningBalances } from './opening-balances.js';
import { balanceKey, BalanceRepository, type BalanceKey, type MovedBalance } from './persistence/balance.repository.js';
import { ThresholdWatch } from './threshold-watch.js';

const MAX_CACHED = 100_000;

/** One flush of money: settlements first, then asks; one guarded statement in the common case. Source: money page §5. */
@Injectable()
export class BudgetFlush {
  /** Key → id of balances; immutable, so it is cached for good. */
  readonly #ids = new Map<string, number>();

  constructor(
    private readonly balances: BalanceRepository,
    private readonly opening: OpeningBalances,
    private readonly metering: MeteringService,
    private readonly watch: ThresholdWatch,
  ) {}

  /** Resolves holds, decides asks and writes both with their ledger entries. The caller owns the transaction. */
  async run(
    tx: Tx,
    flush: { readonly settles: readonly Settle[]; readonly asks: readonly Ask[]; readonly nowMs: number },
  ): Promise<FlushResult> {
    for (const { hold, posted } of flush.settles) requireCurrency(hold, posted.currency);
    const settled = await this.balances.resolve(tx, flush.settles);
    const settles = flush.settles.filter(({ hold }) => settled.has(hold.id));
    const ready = await this.#ready(tx, flush.asks, flush.nowMs);
    const { decisions, moved } = await this.#decide(tx, settles, ready);
    const taken = ready.flatMap((ask) => {
      const decision = decisions.get(ask);
      return decision?.kind === 'held'
        ? [{ hold: decision.hold, reason: ask.extends === true ? 'extend' : 'reserve' }]
        : [];
    });
    await this.balances.insertHolds(
      tx,
      taken.map(({ hold }) => hold),
    );
    await this.metering.insertLedger(tx, [
      ...settles.map((settle) => settleEntry(settle, flush.nowMs)),
      ...taken.map(({ hold, reason }) => holdEntry(hold, reason, flush.nowMs)),
    ]);
    await this.watch.moved(tx, moved, flush.nowMs);
    return {
      settled,
      verdicts: flush.asks.map((ask, index) => verdictOf(ask, ready[index], decisions)),
    };
  }

  async #decide(
    tx: Tx,
    settles: readonly Settle[],
    asks: readonly ReadyAsk[],
  ): Promise<{ readonly decisions: ReadonlyMap<ReadyAsk, Decision>; readonly moved: readonly MovedBalance[] }> {
    const hopeful = settleDeltas(settles);
    const all = new Map<ReadyAsk, Decision>();
    for (const ask of asks) {
      const hold = holdOf(ask, ask.candidates);
      addHold(hopeful, hold);
      all.set(ask, { kind: 'held', hold, keep: ask.candidates.map(({ deploymentId }) => deploymentId) });
    }
    const moved = await this.balances.moveIfFits(tx, hopeful);
    if (moved !== undefined) return { decisions: all, moved };
    const locked = await this.balances.lock(tx, [...hopeful.keys()]);
    const { decisions, deltas } = decideHolds(locked, settles, asks);
    return { decisions, moved: await this.balances.move(tx, nonZero(deltas)) };
  }

  /** Gives every line the id of its balance; balances of a new window or member are made first. */
  async #ready(tx: Tx, asks: readonly Ask[], nowMs: number): Promise<readonly ReadyAsk[]> {
    const missing = new Map<string, AskLimit>();
    for (const { candidates } of asks) {
      for (const { limits } of candidates) {
        for (const limit of limits) if (!this.#ids.has(keyOf(limit))) missing.set(keyOf(limit), limit);
      }
    }
    if (missing.size > 0) await this.#makeBalances(tx, [...missing.values()], nowMs);
    return asks.map((ask) => ({
      ...ask,
      candidates: ask.candidates.map((candidate) => ({
        deploymentId: candidate.deploymentId,
        served: candidate.served,
        worst: candidate.worst,
        lines: candidate.limits.map((limit) => ({
          balanceId: this.#idOf(limit),
          metric: limit.metric,
          amount: limit.amount,
          own: limit.own,
        })),
      })),
    }));
  }

  async #makeBalances(tx: Tx, limits: readonly AskLimit[], nowMs: number): Promise<void> {
    let found = await this.balances.findIds(tx, limits);
    const unknown = limits.filter((limit) => !found.has(keyOf(limit)));
    if (unknown.length > 0) {
      const made = await this.balances.insertMissing(tx, await this.opening.of(tx, unknown));
      const opened = made.filter(({ posted }) => posted !== ZERO);
      await this.metering.insertLedger(
        tx,
        opened.map((balance) => openingEntry(balance, nowMs)),
      );
      found = await this.balances.findIds(tx, limits);
    }
    // A balance made by this very transaction may vanish with it: remember ids only of those found before.
    if (this.#ids.size > MAX_CACHED) this.#ids.clear();
    for (const [key, id] of found) this.#ids.set(key, id);
    if (unknown.length > 0) this.#forgetUnless(unknown);
  }

  /** After a rollback an id would point nowhere: ids of new balances are looked up once more by the next flush. */
  #forgetUnless(fresh: readonly AskLimit[]): void {
    const keys = fresh.map(keyOf);
    setImmediate(() => {
      for (const key of keys) this.#ids.delete(key);
    });
  }

  #idOf(limit: AskLimit): number {
    const id = this.#ids.get(keyOf(limit));
    if (id === undefined) throw new Error(`No balance for limit ${limit.limitId}`);
    return id;
  }
}

function keyOf({ limitId, subject, startsAtMs }: BalanceKey): string {
  return balanceKey(limitId, subject, startsAtMs);
}

/** Currencies never meet: what is charged in another one than was held is a defect, and fails alone. */
function requireCurrency(hold: Hold, currency: string): void {
  if (hold.currency !== currency) throw new Error(`Hold ${hold.id} is in ${hold.currency}, its charge in ${currency}`);
}

function nonZero(deltas: ReadonlyMap<number, Delta>): ReadonlyMap<number, Delta> {
  return new Map([...deltas].filter(([, { held, posted }]) => held !== 0n || posted !== 0n));
}

/** `ready` is the ask with the balances of its limits, in the same order. */
function verdictOf(ask: Ask, ready: ReadyAsk | undefined, decisions: ReadonlyMap<ReadyAsk, Decision>): Verdict {
  const decision = ready === undefined ? undefined : decisions.get(ready);
  if (ready === undefined || decision === undefined) throw new Error('An ask was not decided');
  if (decision.kind === 'held') return decision;
  for (const [index, { limits }] of ask.candidates.entries()) {
    const lines = ready.candidates[index]?.lines ?? [];
    const limit = limits.find((_, place) => lines[place]?.balanceId === decision.balanceId);
    if (limit !== undefined) return { kind: decision.kind, budget: factsOf(limit) };
  }
  throw new Error('A shortage names a balance of its ask');
}

function factsOf({ facts, metric, endsAtMs, period }: AskLimit): BudgetFacts {
  return { ...facts, metric, period, resetsAtMs: period === 'LIFETIME' ? null : endsAtMs };
}

function holdEntry(hold: Hold, reason: string, atMs: number): LedgerEntry {
  return {
    id: newId(),
    orgId: hold.orgId,
    atMs,
    holdId: hold.id,
    requestId: hold.requestId,
    kind: 'HOLD',
    currency: hold.currency,
    amount: hold.amount,
    balanceIds: hold.lines.map(({ balanceId }) => balanceId),
    heldDeltas: hold.lines.map(({ amount }) => amount),
    postedDeltas: hold.lines.map(() => ZERO),
    reason,
    ref: null,
  };
}

const KIND_OF = { settle: 'SETTLE', unknown: 'SETTLE', release: 'RELEASE', expire: 'EXPIRE' } as const;

function settleEntry(settle: Settle, atMs: number): LedgerEntry {
  const { hold, posted, reason } = settle;
  return {
    id: newId(),
    orgId: hold.orgId,
    atMs,
    holdId: hold.id,
    requestId: hold.requestId,
    kind: KIND_OF[reason],
    currency: hold.currency,
    amount: posted.amount,
    balanceIds: hold.lines.map(({ balanceId }) => balanceId),
    heldDeltas: hold.lines.map(({ amount }) => picoUsd(0n - amount)),
    postedDeltas: hold.lines.map((line) => postedOn(line, settle)),
    reason,
    ref: null,
  };
}

function openingEntry(
  balance: { readonly id: number; readonly orgId: string; readonly currency: string; readonly posted: PicoUsd },
  atMs: number,
): LedgerEntry {
  return {
    id: newId(),
    orgId: balance.orgId,
    atMs,
    holdId: null,
    requestId: null,
    kind: 'ADJUST',
    currency: balance.currency,
    amount: ZERO,
    balanceIds: [balance.id],
    heldDeltas: [ZERO],
    postedDeltas: [balance.posted],
    reason: 'used in this window before the budget was made',
    ref: null,
  };
}
