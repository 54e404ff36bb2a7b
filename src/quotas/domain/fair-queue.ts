import { CRITICALITIES, type Criticality } from '../../platform/security/index.js';

/** Who waits, and for what. */
export interface Waiting {
  readonly criticality: Criticality;
  readonly userId: string;
  /** Null: the call belongs to none. */
  readonly investigationId: string | null;
  /** What it waits for: calls of one lane can be served by the same room. */
  readonly lane: string;
  readonly sinceMs: number;
}

/** After waiting this long a call counts as one class more critical, and after twice as long as two. */
export const AGEING_MS = 10_000;

type Entries<T> = Set<T>;

/** One class: users take turns, and inside a user investigations do. Maps keep the order in which turns come. */
class ClassQueue<T extends Waiting> {
  readonly #users = new Map<string, Map<string, Entries<T>>>();
  /** In order of arrival. */
  readonly arrived = new Set<T>();

  add(entry: T): void {
    this.arrived.add(entry);
    let cases = this.#users.get(entry.userId);
    if (cases === undefined) this.#users.set(entry.userId, (cases = new Map<string, Entries<T>>()));
    const key = entry.investigationId ?? '';
    const entries = cases.get(key);
    if (entries === undefined) cases.set(key, new Set([entry]));
    else entries.add(entry);
  }

  remove(entry: T): boolean {
    if (!this.arrived.delete(entry)) return false;
    const cases = this.#users.get(entry.userId);
    const key = entry.investigationId ?? '';
    const entries = cases?.get(key);
    entries?.delete(entry);
    if (entries?.size === 0) cases?.delete(key);
    if (cases?.size === 0) this.#users.delete(entry.userId);
    return true;
  }

  /** The user's and the investigation's next turn comes after everybody else's. */
  turnTaken({ userId, investigationId }: T): void {
    const cases = this.#users.get(userId);
    if (cases === undefined) return;
    const key = investigationId ?? '';
    const entries = cases.get(key);
    if (entries !== undefined) {
      cases.delete(key);
      cases.set(key, entries);
    }
    this.#users.delete(userId);
    this.#users.set(userId, cases);
  }

  next(isClosed: (lane: string) => boolean): T | undefined {
    for (const cases of this.#users.values()) {
      for (const entries of cases.values()) {
        for (const entry of entries) if (!isClosed(entry.lane)) return entry;
      }
    }
    return undefined;
  }
}

/** Calls that wait for room: strict by class, inside a class users take turns and inside a user investigations, with ageing. Of
 *  bounded length; a newcomer to a full queue displaces the youngest of the lowest class below its own. Source: money page §13. */
export class FairQueue<T extends Waiting> {
  readonly #classes = CRITICALITIES.map(() => new ClassQueue<T>());
  #length = 0;

  constructor(private readonly most: number) {}

  get length(): number {
    return this.#length;
  }

  /** How many of a class wait. */
  depth(criticality: Criticality): number {
    return this.#classOf(criticality).arrived.size;
  }

  /** Whether calls of this class or above wait in the lane: a newcomer may not overtake them. */
  isAhead(lane: string, criticality: Criticality): boolean {
    return this.#classes
      .slice(0, CRITICALITIES.indexOf(criticality) + 1)
      .some(({ arrived }) => arrived.values().some((entry) => entry.lane === lane));
  }

  /** Adds a call. Returns the call that lost its place: another one, or the newcomer itself. */
  add(entry: T): T | undefined {
    let displaced: T | undefined;
    if (this.#length >= this.most) {
      displaced = this.#youngestBelow(entry.criticality);
      if (displaced === undefined) return entry;
      this.remove(displaced);
    }
    this.#classOf(entry.criticality).add(entry);
    this.#length += 1;
    return displaced;
  }

  /** Takes a call out; false when it is gone already. */
  remove(entry: T): boolean {
    const wasIn = this.#classOf(entry.criticality).remove(entry);
    if (wasIn) this.#length -= 1;
    return wasIn;
  }

  /** A call had its turn: the next one of its user, and of its investigation, comes after everybody else's. */
  tookTurn(entry: T): void {
    this.#classOf(entry.criticality).turnTaken(entry);
  }

  /** Whose turn it is among lanes that are not closed; it stays in the queue. */
  next(nowMs: number, isClosed: (lane: string) => boolean): T | undefined {
    for (const [level, own] of this.#classes.entries()) {
      const aged = this.#aged(level, nowMs, isClosed);
      const next = aged ?? own.next(isClosed);
      if (next !== undefined) return next;
    }
    return undefined;
  }

  /** The oldest of a lower class that waited long enough to count as this one. */
  #aged(level: number, nowMs: number, isClosed: (lane: string) => boolean): T | undefined {
    for (let lower = level + 1; lower < this.#classes.length; lower += 1) {
      for (const entry of this.#classes[lower]?.arrived ?? []) {
        if (nowMs - entry.sinceMs < (lower - level) * AGEING_MS) break;
        if (!isClosed(entry.lane)) return entry;
      }
    }
    return undefined;
  }

  #youngestBelow(criticality: Criticality): T | undefined {
    for (let level = this.#classes.length - 1; level > CRITICALITIES.indexOf(criticality); level -= 1) {
      const youngest = [...(this.#classes[level]?.arrived ?? [])].at(-1);
      if (youngest !== undefined) return youngest;
    }
    return undefined;
  }

  #classOf(criticality: Criticality): ClassQueue<T> {
    const own = this.#classes[CRITICALITIES.indexOf(criticality)];
    if (own === undefined) throw new Error(`There is no class ${criticality}`);
    return own;
  }
}
