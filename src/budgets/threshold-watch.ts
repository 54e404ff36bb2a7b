import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { picoUsd, type PicoUsd } from '../platform/money/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { exhaustedNotice, thresholdNotice, type NoticedLimit } from './budget-notices.js';
import { BudgetTreePart } from './budget-tree-part.js';
import { crossingsOf, nextStep, type Threshold, type ThresholdState } from './domain/thresholds.js';
import type { MovedBalance } from './persistence/balance.repository.js';
import {
  ThresholdRepository,
  type ThresholdKey,
  type Transition,
  type WatchedBalance,
} from './persistence/threshold.repository.js';

const PAGE = 500;
const QUIET: ThresholdState = { state: 'ok', pendingSinceMs: null };

/** What is to be done with thresholds of some balances. */
interface Steps {
  readonly fire: ThresholdKey[];
  readonly calm: ThresholdKey[];
  readonly pend: ThresholdKey[];
  readonly unpend: ThresholdKey[];
}

/** Tells when a budget's thresholds begin and cease to fire, each transition once, in the transaction that makes it true. A flush
 *  announces what it moved past an edge; a regular look finds the rest: reserved money, limits that changed, windows that
 *  ended. Source: money page §7. */
@Injectable()
export class ThresholdWatch {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly snapshots: ConfigSnapshots,
    private readonly tree: BudgetTreePart,
    private readonly thresholds: ThresholdRepository,
    private readonly outbox: OutboxRepository,
    private readonly clock: Clock,
  ) {}

  /** Announces what a flush moved past its edges. */
  async moved(tx: Tx, balances: readonly MovedBalance[], atMs: number): Promise<void> {
    const grown = balances.filter(({ postedBefore, postedAfter }) => postedAfter > postedBefore);
    if (grown.length === 0) return;
    const found = new Map<number, { readonly balance: WatchedBalance; readonly of: NoticedLimit }>();
    const keys: ThresholdKey[] = [];
    const exhausted: number[] = [];
    for (const movement of grown) {
      const of = this.#limitOf(movement.limitId);
      if (of === undefined) continue;
      const crossings = crossingsOf(of.limit.thresholds, movement);
      if (crossings.passed.length === 0 && !crossings.exhausted) continue;
      found.set(movement.id, { of, balance: { ...movement, posted: movement.postedAfter, states: new Map() } });
      if (crossings.exhausted) exhausted.push(movement.id);
      for (const { id } of crossings.passed)
        keys.push({ balanceId: movement.id, thresholdId: id, orgId: movement.orgId });
    }
    if (found.size === 0) return;
    const fired = await this.thresholds.fire(tx, keys, atMs);
    await this.outbox.insert(tx, [
      ...fired.flatMap((one) => this.#noticesOf('budget.threshold.reached', one, found.get(one.balanceId), atMs)),
      ...exhausted.flatMap((id) => {
        const one = found.get(id);
        return one === undefined ? [] : [exhaustedNotice({ ...one.of, balance: one.balance }, atMs)];
      }),
    ]);
  }

  /** Looks at all running windows, and at those that ended while something fired; returns how many transitions were announced. */
  async lookAtAll(): Promise<number> {
    let announced = 0;
    for (let afterId = 0; ;) {
      const atMs = this.clock.nowMs();
      const page = await this.unitOfWork.run(async (tx) => {
        const balances = await this.thresholds.findWatched(tx, { atMs, afterId, limit: PAGE });
        announced += await this.#look(tx, balances, (limitId) => this.#limitOf(limitId), atMs);
        return balances;
      });
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return announced;
      afterId = last.id;
    }
  }

  /** Since when thresholds of running windows fire: limit and subject as `<limit> <subject>`, then threshold. */
  async firing(tx: Tx, limitIds: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
    const rows = await this.thresholds.findFiring(tx, limitIds, this.clock.nowMs());
    const byWindow = new Map<string, Map<string, number>>();
    for (const { limitId, subject, thresholdId, sinceMs } of rows) {
      const key = `${limitId} ${subject}`;
      const known = byWindow.get(key) ?? new Map<string, number>();
      byWindow.set(key, known.set(thresholdId, sinceMs));
    }
    return byWindow;
  }

  /** Looks at the running windows of limits that have just been changed, in the transaction of the change. */
  async changed(tx: Tx, limits: readonly NoticedLimit[]): Promise<void> {
    const atMs = this.clock.nowMs();
    const byId = new Map(limits.map((one) => [one.limit.id, one]));
    const balances = await this.thresholds.findOfLimits(tx, [...byId.keys()], atMs);
    await this.#look(tx, balances, (limitId) => byId.get(limitId), atMs);
  }

  async #look(
    tx: Tx,
    balances: readonly WatchedBalance[],
    limitOf: (limitId: string) => NoticedLimit | undefined,
    atMs: number,
  ): Promise<number> {
    const steps: Steps = { fire: [], calm: [], pend: [], unpend: [] };
    const found = new Map<number, { readonly balance: WatchedBalance; readonly of: NoticedLimit }>();
    for (const balance of balances) {
      const of = limitOf(balance.limitId);
      // An archived budget says nothing any more.
      if (of === undefined) continue;
      found.set(balance.id, { balance, of });
      for (const threshold of of.limit.thresholds) addStep(steps, balance, threshold, atMs);
    }
    await this.thresholds.pend(tx, steps.pend, atMs, atMs);
    await this.thresholds.pend(tx, steps.unpend, null, atMs);
    const fired = await this.thresholds.fire(tx, steps.fire, atMs);
    const calmed = await this.thresholds.calm(tx, steps.calm, atMs);
    const notices = [
      ...fired.flatMap((one) => this.#noticesOf('budget.threshold.reached', one, found.get(one.balanceId), atMs)),
      ...calmed.flatMap((one) => this.#noticesOf('budget.threshold.resolved', one, found.get(one.balanceId), atMs)),
    ];
    await this.outbox.insert(tx, notices);
    return notices.length;
  }

  #limitOf(limitId: string): NoticedLimit | undefined {
    return this.snapshots.current().get(this.tree.part).limit(limitId);
  }

  #noticesOf(
    type: Parameters<typeof thresholdNotice>[0],
    { thresholdId, n }: Transition,
    found: { readonly balance: WatchedBalance; readonly of: NoticedLimit } | undefined,
    atMs: number,
  ): ReturnType<typeof thresholdNotice>[] {
    const threshold = found?.of.limit.thresholds.find(({ id }) => id === thresholdId);
    if (found === undefined || threshold === undefined) return [];
    return [thresholdNotice(type, { ...found.of, balance: found.balance, threshold, n }, atMs)];
  }
}

function addStep(steps: Steps, balance: WatchedBalance, threshold: Threshold, atMs: number): void {
  const step = nextStep(threshold, balance.states.get(threshold.id) ?? QUIET, {
    value: valueOf(threshold, balance),
    limit: balance.limit,
    atMs,
    ended: balance.endsAtMs <= atMs,
  });
  if (step !== 'none') steps[step].push({ balanceId: balance.id, thresholdId: threshold.id, orgId: balance.orgId });
}

function valueOf({ basis }: Threshold, { posted, held }: WatchedBalance): PicoUsd {
  return basis === 'ACTUAL' ? posted : picoUsd(posted + held);
}
