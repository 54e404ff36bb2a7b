import type { Clock } from '../platform/clock/index.js';
import type { SharedStore } from '../platform/redis/index.js';
import type { CapacityBoard } from './capacity-board.js';
import { adoptReport, type Headroom } from './domain/headroom.js';
import { sumSpending } from './domain/spending.js';

const CHANNEL = 'aip:headroom';
const TELL_MS = 50;
/** A replica that has something to say says it at least this often. */
const HEARTBEAT_MS = 1_000;
/** What a silent replica held is free again after this. */
const SILENT_MS = 3_000;
/** Pools in one message. */
const MAX_POOLS = 500;

/** One pool as its replica sees it. `taken`: held and used since its report. */
interface Shared {
  readonly owner: string;
  readonly name: string;
  readonly credentialId: string | null;
  readonly report: Omit<Headroom, 'reserved' | 'spent'>;
  readonly taken: number;
}

interface Message {
  readonly from: string;
  readonly pools: readonly Shared[];
}

/** Tells the replicas what each of them took of the limits they share, and what partners last reported: the sum of all stays within
 *  a limit without asking anybody before a call. Differences of clocks shift windows by as much. */
export class SharedHeadroom {
  readonly #told = new Map<string, { readonly text: string; readonly atMs: number }>();
  /** Replica → pool → taken. */
  readonly #others = new Map<string, { heardAtMs: number; taken: ReadonlyMap<string, number> }>();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(
    private readonly board: CapacityBoard,
    private readonly store: SharedStore,
    private readonly clock: Clock,
    private readonly replicaId: string,
  ) {
    store.hear(CHANNEL, (text) => {
      this.#heard(text);
    });
    if (store.state !== 'off') this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #next(): void {
    if (this.#isStopped) return;
    this.#cancel = this.clock.after(TELL_MS, () => {
      this.#tell();
      this.#forget();
      this.#next();
    });
  }

  #tell(): void {
    if (this.store.state !== 'up') return;
    const nowMs = this.clock.nowMs();
    const pools: Shared[] = [];
    for (const { owner, name, credentialId, headroom } of this.board.pools().values()) {
      const { reserved, spent, ...report } = headroom;
      const shared: Shared = { owner, name, credentialId, report, taken: reserved + sumSpending(spent) };
      const text = JSON.stringify(shared);
      const key = `${owner}|${name}`;
      const told = this.#told.get(key);
      const isOld = told === undefined || nowMs - told.atMs >= HEARTBEAT_MS;
      if (told?.text === text && !isOld) continue;
      this.#told.set(key, { text, atMs: nowMs });
      pools.push(shared);
      if (pools.length === MAX_POOLS) break;
    }
    if (pools.length > 0)
      this.store.publish(CHANNEL, JSON.stringify({ from: this.replicaId, pools } satisfies Message));
  }

  #heard(text: string): void {
    const message = parse(text);
    if (message === undefined || message.from === this.replicaId) return;
    const known = this.#others.get(message.from)?.taken ?? new Map<string, number>();
    const taken = new Map(known);
    for (const { owner, name, credentialId, report, taken: units } of message.pools) {
      if (!isReport(report)) continue;
      taken.set(`${owner}|${name}`, units);
      const pool = this.board.sharedPool({ owner, name, credentialId, report });
      pool.headroom = adoptReport(pool.headroom, report);
    }
    this.#others.set(message.from, { heardAtMs: this.clock.nowMs(), taken });
    this.#sum();
  }

  #forget(): void {
    const nowMs = this.clock.nowMs();
    let changed = false;
    for (const [replica, { heardAtMs }] of this.#others) {
      if (nowMs - heardAtMs < SILENT_MS) continue;
      this.#others.delete(replica);
      changed = true;
    }
    if (changed) this.#sum();
  }

  #sum(): void {
    for (const [key, pool] of this.board.pools()) {
      let units = 0;
      for (const { taken } of this.#others.values()) units += taken.get(key) ?? 0;
      pool.elsewhere = units;
    }
  }
}

function parse(text: string): Message | undefined {
  try {
    const value = JSON.parse(text) as Partial<Message>;
    return typeof value.from === 'string' && Array.isArray(value.pools) ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

function isReport({ base, baseAtMs, sentAtMs, windowMs }: Shared['report']): boolean {
  return [base, baseAtMs, sentAtMs, windowMs].every((one) => Number.isFinite(one));
}
