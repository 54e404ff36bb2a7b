import { drainsInMs, EMPTY, levelAt, remaining, take, type Flow, type Level } from './meter.js';
import type { QuotaMetric, QuotaPolicy } from './quota.js';
import type { QuotaReading } from './quota-reading.js';

/** One limit that a request must pass: a matched policy with its limit in force. */
export interface Gauge {
  readonly policy: QuotaPolicy;
  readonly subjectId: string;
  /** Units that overrides add to limit and burst. */
  readonly extra: number;
}

/** What a request asks of all its limits at once. */
export interface QuotaAsk {
  readonly gauges: readonly Gauge[];
  /** Whole, ≥ 0. */
  readonly tokens: number;
  /** A concurrency slot comes back by itself at this instant. */
  readonly deadlineAtMs: number;
  readonly nowMs: number;
}

/** Which limit is in the way. `retryAfterMs: null`: the request is larger than the limit can ever give at once. */
export interface QuotaRefusal {
  readonly gauge: Gauge;
  readonly retryAfterMs: number | null;
}

/** An estimate in a level: what the level fell to at its lowest since it was taken, i.e. what still can be given back. */
interface Share {
  units: number;
  low: number;
}

/** State of one limit of one subject. */
interface Cell {
  level: Level;
  /** The level without what overrides add; null while none adds anything. */
  base: Level | null;
  /** From when on nothing is taken. */
  idleAtMs: number;
  readonly shares: Set<Share>;
  readonly slots: Map<object, number>;
}

/** A limit that a request passed, kept for its correction. */
interface Passed {
  readonly gauge: Gauge;
  readonly cell: Cell;
  readonly share: Share | null;
}

/** What a request took. Give it to {@link QuotaTable.correct} and {@link QuotaTable.release}. */
export interface Taken {
  readonly passed: readonly Passed[];
  /** Metrics that only an override let through. */
  readonly beyond: ReadonlySet<QuotaMetric>;
}

/** A retry hint for a slot: nobody knows when a running request ends. */
const SLOT_RETRY_MS = 1_000;

function flowOf({ policy, extra }: Gauge): Flow {
  return { limit: policy.limit + extra, windowMs: policy.windowSeconds * 1000, burst: policy.burst + extra };
}

/** Limits of all callers in this process's memory. Every method is synchronous, so a step over several limits is atomic:
 *  a refusal takes nothing. Holds at most `maxCells` limits that are in use; idle ones are forgotten. */
export class QuotaTable {
  readonly #cells = new Map<string, Cell>();

  constructor(private readonly maxCells = 200_000) {}

  /** Takes one request, the tokens and one slot from every limit, or nothing from any. */
  admit(ask: QuotaAsk): { readonly taken: Taken } | { readonly refusal: QuotaRefusal } {
    let refusal: QuotaRefusal | undefined;
    const found: { gauge: Gauge; cell: Cell; level: Level | null }[] = [];
    for (const gauge of ask.gauges) {
      const cell = this.#cellOf(gauge, ask.nowMs);
      const verdict = judge(gauge, cell, ask);
      if ('retryAfterMs' in verdict) refusal = longer(refusal, { gauge, retryAfterMs: verdict.retryAfterMs });
      else found.push({ gauge, cell, level: verdict.level });
    }
    if (refusal !== undefined) return { refusal };
    const beyond = new Set<QuotaMetric>();
    for (const { gauge, cell } of found) if (needsExtra(gauge, cell, ask)) beyond.add(gauge.policy.metric);
    const taken: Taken = {
      passed: found.map(({ gauge, cell, level }) => ({ gauge, cell, share: commit(gauge, cell, level, ask) })),
      beyond,
    };
    for (const { gauge, cell } of taken.passed) {
      if (gauge.policy.metric !== 'CONCURRENCY') continue;
      cell.slots.set(taken, ask.deadlineAtMs);
      cell.idleAtMs = Math.max(cell.idleAtMs, ask.deadlineAtMs);
    }
    return { taken };
  }

  /** Replaces the estimated tokens by those used: gives back what has not flowed back by itself, or takes the rest, also
   *  beyond the limit. `counts` says which policies the call finally counted under; others get everything back. */
  correct(taken: Taken, actualTokens: number, nowMs: number, counts: (policy: QuotaPolicy) => boolean): void {
    for (const { gauge, cell, share } of taken.passed) {
      if (share === null || !cell.shares.delete(share)) continue;
      const flow = flowOf(gauge);
      const level = levelAt(flow, cell.level, nowMs);
      const wanted = counts(gauge.policy) ? unitsOf(gauge, actualTokens) : 0;
      const difference = share.units - wanted;
      const low = Math.min(share.low, level.units);
      cell.level = { atMs: level.atMs, units: level.units - Math.min(difference, low) };
      cell.idleAtMs = nowMs + drainsInMs(flow, cell.level, nowMs);
      if (cell.base !== null) cell.base = { ...cell.base, units: Math.max(0, cell.base.units - difference) };
      // What was given back was part of the level under every younger estimate: they must not give it back again.
      for (const other of cell.shares)
        other.low = Math.max(0, Math.min(other.low, level.units) - Math.max(0, difference));
    }
  }

  /** Frees the concurrency slots and leaves estimates that nobody corrected as they are. */
  release(taken: Taken): void {
    for (const { cell, share } of taken.passed) {
      cell.slots.delete(taken);
      if (share !== null) cell.shares.delete(share);
    }
  }

  /** The refusal that {@link admit} would give, or undefined. Takes nothing. */
  probe(ask: QuotaAsk): QuotaRefusal | undefined {
    let refusal: QuotaRefusal | undefined;
    for (const gauge of ask.gauges) {
      const verdict = judge(gauge, this.#cells.get(keyOf(gauge)) ?? emptyCell(), ask);
      if ('retryAfterMs' in verdict) refusal = longer(refusal, { gauge, retryAfterMs: verdict.retryAfterMs });
    }
    return refusal;
  }

  /** Where one limit stands. */
  read(gauge: Gauge, nowMs: number): QuotaReading {
    const cell = this.#cells.get(keyOf(gauge));
    return gauge.policy.metric === 'CONCURRENCY' ? readSlots(gauge, cell, nowMs) : readFlow(gauge, cell, nowMs);
  }

  /** Limits held in memory. */
  get size(): number {
    return this.#cells.size;
  }

  #cellOf(gauge: Gauge, nowMs: number): Cell {
    const key = keyOf(gauge);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    if (this.#cells.size >= this.maxCells) this.#forgetIdle(nowMs);
    const cell = emptyCell();
    this.#cells.set(key, cell);
    return cell;
  }

  /** Forgets what is idle, and the longest known cells when everything is in use: memory stays bounded. */
  #forgetIdle(nowMs: number): void {
    for (const [key, cell] of this.#cells) if (cell.idleAtMs <= nowMs) this.#cells.delete(key);
    const surplus = this.#cells.size - Math.floor(this.maxCells * 0.9);
    if (surplus <= 0) return;
    for (const key of [...this.#cells.keys()].slice(0, surplus)) this.#cells.delete(key);
  }
}

const keyOf = ({ policy, subjectId }: Gauge): string => `${policy.id}|${subjectId}`;

const emptyCell = (): Cell => ({ level: EMPTY, base: null, idleAtMs: 0, shares: new Set(), slots: new Map() });

function judge(gauge: Gauge, cell: Cell, ask: QuotaAsk): { level: Level | null } | { retryAfterMs: number | null } {
  if (gauge.policy.metric === 'CONCURRENCY') {
    const limit = gauge.policy.limit + gauge.extra;
    if (cell.slots.size >= limit) dropEnded(cell, ask.nowMs);
    return cell.slots.size < limit ? { level: null } : { retryAfterMs: SLOT_RETRY_MS };
  }
  const verdict = take(flowOf(gauge), cell.level, unitsOf(gauge, ask.tokens), ask.nowMs);
  return verdict.fits ? { level: verdict.level } : { retryAfterMs: verdict.retryAfterMs };
}

function unitsOf(gauge: Gauge, tokens: number): number {
  return gauge.policy.metric === 'TOKENS' ? tokens : 1;
}

/** Whether the limit without its overrides would have refused; keeps the level that such a limit would have. */
function needsExtra(gauge: Gauge, cell: Cell, ask: QuotaAsk): boolean {
  const { policy, extra } = gauge;
  if (extra === 0) {
    cell.base = null;
    return false;
  }
  if (policy.metric === 'CONCURRENCY') return cell.slots.size >= policy.limit;
  const flow = flowOf({ ...gauge, extra: 0 });
  const verdict = take(flow, cell.base ?? cell.level, unitsOf(gauge, ask.tokens), ask.nowMs);
  cell.base = verdict.fits ? verdict.level : levelAt(flow, cell.base ?? cell.level, ask.nowMs);
  return !verdict.fits;
}

/** Writes what {@link QuotaTable.admit} decided; estimates that a correction may change become a share of their level. */
function commit(gauge: Gauge, cell: Cell, level: Level | null, ask: QuotaAsk): Share | null {
  if (level === null) return null;
  const units = unitsOf(gauge, ask.tokens);
  const before = level.units - units;
  for (const share of cell.shares) share.low = Math.min(share.low, before);
  cell.level = level;
  cell.idleAtMs = Math.max(cell.idleAtMs, ask.nowMs + drainsInMs(flowOf(gauge), level, ask.nowMs));
  if (gauge.policy.metric === 'REQUESTS' && gauge.policy.models === null) return null;
  const share: Share = { units, low: level.units };
  cell.shares.add(share);
  return share;
}

function dropEnded(cell: Cell, nowMs: number): void {
  for (const [lease, endsAtMs] of cell.slots) if (endsAtMs <= nowMs) cell.slots.delete(lease);
}

function longer(a: QuotaRefusal | undefined, b: QuotaRefusal): QuotaRefusal {
  if (a === undefined) return b;
  return (a.retryAfterMs ?? Infinity) >= (b.retryAfterMs ?? Infinity) ? a : b;
}

function readSlots(gauge: Gauge, cell: Cell | undefined, nowMs: number): QuotaReading {
  const { policy, subjectId, extra } = gauge;
  if (cell !== undefined) dropEnded(cell, nowMs);
  const limit = policy.limit + extra;
  const used = cell?.slots.size ?? 0;
  let resetsAtMs = nowMs;
  for (const endsAtMs of cell?.slots.values() ?? []) resetsAtMs = Math.max(resetsAtMs, endsAtMs);
  return { policy, subjectId, limit, used, reserved: 0, remaining: Math.max(0, limit - used), resetsAtMs };
}

function readFlow(gauge: Gauge, cell: Cell | undefined, nowMs: number): QuotaReading {
  const { policy, subjectId } = gauge;
  const flow = flowOf(gauge);
  const level = cell?.level ?? EMPTY;
  const taken = Math.ceil(levelAt(flow, level, nowMs).units);
  let estimates = 0;
  for (const share of cell?.shares ?? []) estimates += share.units;
  const reserved = policy.metric === 'TOKENS' ? Math.min(taken, estimates) : 0;
  return {
    policy,
    subjectId,
    limit: flow.limit,
    used: taken - reserved,
    reserved,
    remaining: remaining(flow, level, nowMs),
    resetsAtMs: nowMs + drainsInMs(flow, level, nowMs),
  };
}
