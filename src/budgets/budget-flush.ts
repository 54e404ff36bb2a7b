import { Injectable } from '@nestjs/common';

import { MeteringService } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import type { Ask, AskLimit, BudgetFacts, FlushResult, FlushWork, Shrink, Verdict } from './ask.js';
import { BalanceIds } from './balance-ids.js';
import {
  addHold,
  admit,
  decideHolds,
  givenBack,
  type AskLine,
  type Decision,
  type Delta,
  type GivenBack,
  type ReadyAsk,
} from './domain/decide-holds.js';
import { shrunkTo, type Hold, type Resize, type Settle } from './domain/hold.js';
import { LateTruth } from './late-truth.js';
import { holdEntry, resizeEntry, settleEntry } from './ledger-entries.js';
import { BalanceRepository, type MovedBalance } from './persistence/balance.repository.js';
import { ThresholdWatch } from './threshold-watch.js';

type LinesOf = (limits: readonly AskLimit[]) => AskLine[];
type Decisions = ReadonlyMap<ReadyAsk, Decision>;

/** One flush of money: what is given back first, then asks; one guarded statement in the common case. Rows of holds are locked
 *  before those of balances, always. Source: money page §5. */
@Injectable()
export class BudgetFlush {
  constructor(
    private readonly balances: BalanceRepository,
    private readonly ids: BalanceIds,
    private readonly metering: MeteringService,
    private readonly late: LateTruth,
    private readonly watch: ThresholdWatch,
  ) {}

  /** Resolves and lowers holds, corrects charges, decides asks and writes all of it with its ledger entries. The caller owns the
   *  transaction. */
  async run(tx: Tx, flush: FlushWork): Promise<FlushResult> {
    const { shrinks = [], late = [], asks, nowMs } = flush;
    for (const { hold, posted } of [...flush.settles, ...late]) requireCurrency(hold, posted.currency);
    const linesOf = await this.ids.find(tx, limitsOf(asks, shrinks), nowMs);
    const settles = await this.#resolve(tx, flush.settles);
    const lowered = await this.#lower(tx, shrinks, linesOf);
    const open = await this.#stillOpen(tx, asks);
    const corrections = await this.late.correctionsOf(tx, late, nowMs);
    const ready = open.map((ask) => readyOf(ask, linesOf));
    const before = { settles, shrinks: lowered, corrections: corrections.flatMap(({ moves }) => moves) };
    const { decisions, moved } = await this.#decide(tx, before, ready);
    const raised = await this.#take(tx, ready, decisions, nowMs);
    await this.metering.insertLedger(tx, [
      ...settles.map((settle) => settleEntry(settle, nowMs)),
      ...lowered.map((resize) => resizeEntry('SHRINK', resize, nowMs)),
      ...raised,
    ]);
    await this.late.post(tx, corrections);
    await this.watch.moved(tx, moved, nowMs);
    return {
      settled: new Set(settles.map(({ hold }) => hold.id)),
      shrunk: new Map(lowered.map(({ to }) => [to.id, to])),
      verdicts: verdictsOf(asks, ready, decisions),
    };
  }

  /** Ends holds that are still held. One that was changed without this process having heard of it, because the answer to a COMMIT
   *  was lost, is ended as its row says. */
  async #resolve(tx: Tx, settles: readonly Settle[]): Promise<readonly Settle[]> {
    const resolved = await this.balances.resolve(tx, settles);
    if (resolved.size === settles.length) return settles;
    const rest = settles.filter(({ hold }) => !resolved.has(hold.id));
    const rows = await this.balances.findHeld(
      tx,
      rest.map(({ hold }) => hold.requestId),
    );
    const held = new Map(rows.map((hold) => [hold.id, hold]));
    const changed = rest.flatMap((settle) => {
      const hold = held.get(settle.hold.id);
      return hold === undefined ? [] : [{ ...settle, hold }];
    });
    const more = await this.balances.resolve(tx, changed);
    return [...settles.filter(({ hold }) => resolved.has(hold.id)), ...changed.filter(({ hold }) => more.has(hold.id))];
  }

  async #lower(tx: Tx, shrinks: readonly Shrink[], linesOf: LinesOf): Promise<readonly Resize[]> {
    const resizes = shrinks.map(({ hold, worst, limits }) => ({
      hold,
      to: shrunkTo(hold, { worst, lines: linesOf(limits) }),
    }));
    const done = await this.balances.resize(tx, resizes);
    return resizes.filter(({ hold }) => done.has(hold.id));
  }

  /** Without the extensions of holds that somebody has resolved. */
  async #stillOpen(tx: Tx, asks: readonly Ask[]): Promise<readonly Ask[]> {
    const extended = asks.flatMap((ask) => ask.extends ?? []);
    const held = await this.balances.lockHeld(tx, extended);
    return asks.filter((ask) => ask.extends === null || held.has(ask.extends.id));
  }

  async #decide(
    tx: Tx,
    before: GivenBack,
    asks: readonly ReadyAsk[],
  ): Promise<{ readonly decisions: Decisions; readonly moved: readonly MovedBalance[] }> {
    const hopeful = givenBack(before);
    const all = new Map<ReadyAsk, Extract<Decision, { kind: 'held' }>>();
    for (const ask of asks) {
      const decision = admit(ask, ask.candidates);
      addHold(hopeful, decision.taken);
      all.set(ask, decision);
    }
    const moved = await this.balances.moveIfFits(tx, hopeful);
    if (moved !== undefined) return { decisions: all, moved };
    const locked = await this.balances.lock(tx, [...hopeful.keys()]);
    const { decisions, deltas } = decideHolds(locked, before, asks);
    return { decisions, moved: await this.balances.move(tx, nonZero(deltas)) };
  }

  /** Writes the holds of what was admitted, new ones and grown ones; returns their entries. */
  async #take(
    tx: Tx,
    asks: readonly ReadyAsk[],
    decisions: Decisions,
    nowMs: number,
  ): Promise<readonly ReturnType<typeof holdEntry>[]> {
    const made: Hold[] = [];
    const grown: Resize[] = [];
    for (const ask of asks) {
      const decision = decisions.get(ask);
      if (decision?.kind !== 'held') continue;
      if (ask.extends === null) made.push(decision.hold);
      else grown.push({ hold: ask.extends, to: decision.hold });
    }
    await this.balances.insertHolds(tx, made);
    const done = await this.balances.resize(tx, grown);
    if (done.size !== grown.length) throw new Error('A hold changed under its lock');
    return [
      ...made.map((hold) => holdEntry(hold, nowMs)),
      ...grown.map((resize) => resizeEntry('EXTEND', resize, nowMs)),
    ];
  }
}

function* limitsOf(asks: readonly Ask[], shrinks: readonly Shrink[]): Generator<AskLimit> {
  for (const { candidates } of asks) for (const { limits } of candidates) yield* limits;
  for (const { limits } of shrinks) yield* limits;
}

function readyOf(ask: Ask, linesOf: LinesOf): ReadyAsk {
  return {
    ...ask,
    candidates: ask.candidates.map(({ deploymentId, served, worst, limits }) => ({
      deploymentId,
      served,
      worst,
      lines: linesOf(limits),
    })),
  };
}

/** Currencies never meet: what is charged in another one than was held is a defect, and fails alone. */
function requireCurrency(hold: Hold, currency: string): void {
  if (hold.currency !== currency) throw new Error(`Hold ${hold.id} is in ${hold.currency}, its charge in ${currency}`);
}

function nonZero(deltas: ReadonlyMap<number, Delta>): ReadonlyMap<number, Delta> {
  return new Map([...deltas].filter(([, { held, posted }]) => held !== 0n || posted !== 0n));
}

/** In the order of the asks; `ready` are those that were still open, in the same order. */
function verdictsOf(asks: readonly Ask[], ready: readonly ReadyAsk[], decisions: Decisions): readonly Verdict[] {
  const left = [...ready];
  return asks.map((ask): Verdict => {
    if (left[0]?.holdId !== ask.holdId) return { kind: 'closed' };
    return verdictOf(ask, left.shift(), decisions);
  });
}

function verdictOf(ask: Ask, ready: ReadyAsk | undefined, decisions: Decisions): Verdict {
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
