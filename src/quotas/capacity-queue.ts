import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AppError } from '../platform/errors/index.js';
import { jitter } from '../platform/ids/index.js';
import { CRITICALITIES, type Criticality } from '../platform/security/index.js';
import { Metrics } from '../platform/telemetry/index.js';
import { FairQueue, type Waiting } from './domain/fair-queue.js';

/** Calls that may wait at once in this process. */
export const QUEUE_LENGTH = 1_000;
/** Longest wait. */
export const QUEUE_WAIT_MS = 30_000;
/** Limits that fill up by time alone tell nobody: they are looked at this often. */
const LOOK_MS = 25;
/** Calls that are tried per look. */
const TRIES = 64;
const RATE_MS = 10_000;
const MAX_RETRY_S = 60;
const DRAINING = 'This replica is stopping. Try again; another one answers.';
const BUSY = 'Every partner that may serve this call was at its limit until its wait was over. Try again.';

/** A call that needs room. */
export interface RoomWish<T> {
  readonly waiting: Omit<Waiting, 'sinceMs'>;
  /** Takes room, or says why there is none. @throws when waiting cannot help */
  readonly attempt: () => { readonly ok: true; readonly room: T } | { readonly ok: false; readonly refusal: AppError };
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

/** One waiting call. */
interface Entry extends Waiting {
  /** True: it need not wait any more. */
  readonly attempt: () => boolean;
  readonly giveUp: (reason: ShedReason) => void;
}

type ShedReason = 'queue_full' | 'displaced' | 'waited' | 'draining';

/** Where calls wait while every partner that may serve them is busy: first spill, then wait, then shed. Only waiting calls are
 *  displaced, never running ones. */
@Injectable()
export class CapacityQueue implements OnApplicationShutdown {
  readonly #queue = new FairQueue<Entry>(QUEUE_LENGTH);
  readonly #servedAtMs: number[] = [];
  readonly #shedAtMs = new Map<Criticality, number>();
  #cancelLook: (() => void) | undefined;
  #isWoken = false;
  #isClosed = false;

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** Classes from which calls were shed in the last ten seconds. */
  get shedding(): readonly Criticality[] {
    const nowMs = this.clock.nowMs();
    return CRITICALITIES.filter((one) => nowMs - (this.#shedAtMs.get(one) ?? -Infinity) <= RATE_MS);
  }

  /** How many of each class wait now. */
  get depths(): Readonly<Record<Criticality, number>> {
    const depths = CRITICALITIES.map((one) => [one, this.#queue.depth(one)] as const);
    return Object.fromEntries(depths) as Record<Criticality, number>;
  }

  /** Room for a call: at once when there is some and nobody of its class or above waits for the same, else when its turn comes.
   *  @throws AppError capacity_shed — the queue is full, or a less critical call waited 30 s or to its deadline; no_capacity — a
   *  critical one did; draining; and whatever `attempt` throws. Resolves undefined when the caller left. */
  async find<T>({ waiting, attempt, deadlineAtMs, signal }: RoomWish<T>): Promise<T | undefined> {
    let refusal: AppError | undefined;
    if (!this.#queue.isAhead(waiting.lane, waiting.criticality)) {
      const first = attempt();
      if (first.ok) return first.room;
      ({ refusal } = first);
    }
    if (signal.aborted) return undefined;
    const sinceMs = this.clock.nowMs();
    return new Promise<T | undefined>((resolve, reject) => {
      const cancels: (() => void)[] = [];
      const end = (finish: () => void): void => {
        for (const cancel of cancels) cancel();
        this.#queue.remove(entry);
        this.#publish();
        finish();
      };
      const entry: Entry = {
        ...waiting,
        sinceMs,
        attempt: () => {
          try {
            const found = attempt();
            if (!found.ok) ({ refusal } = found);
            else
              end(() => {
                resolve(found.room);
              });
            return found.ok;
          } catch (error) {
            end(() => {
              reject(error instanceof Error ? error : new Error(String(error)));
            });
            return true;
          }
        },
        giveUp: (reason) => {
          this.metrics.requestsShed.inc({ criticality: waiting.criticality, reason });
          this.#shedAtMs.set(waiting.criticality, this.clock.nowMs());
          end(() => {
            reject(this.#shed(waiting.criticality, reason, refusal));
          });
        },
      };
      const left = (): void => {
        end(() => {
          resolve(undefined);
        });
      };
      signal.addEventListener('abort', left, { once: true });
      const waitMs = Math.max(0, Math.min(QUEUE_WAIT_MS, deadlineAtMs - sinceMs));
      cancels.push(
        () => {
          signal.removeEventListener('abort', left);
        },
        this.clock.after(waitMs, () => {
          entry.giveUp('waited');
        }),
      );
      this.#enter(entry);
    });
  }

  /** There may be room. */
  wake(): void {
    if (this.#isWoken || this.#queue.length === 0) return;
    this.#isWoken = true;
    // After whatever freed the room has finished.
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#look();
    });
  }

  /** Nobody waits any more, and nobody begins to: this replica ends. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
    for (let next = this.#any(); next !== undefined; next = this.#any()) next.giveUp('draining');
  }

  onApplicationShutdown(): void {
    this.close();
  }

  #any(): Entry | undefined {
    return this.#queue.next(this.clock.nowMs(), () => false);
  }

  #enter(entry: Entry): void {
    if (this.#isClosed) {
      entry.giveUp('draining');
      return;
    }
    const displaced = this.#queue.add(entry);
    if (displaced !== undefined) displaced.giveUp(displaced === entry ? 'queue_full' : 'displaced');
    this.#publish();
    this.#lookLater();
  }

  /** Lets calls try in their order. A lane whose head finds nothing is closed for this look: nobody overtakes it. */
  #look(): void {
    const closed = new Set<string>();
    const nowMs = this.clock.nowMs();
    for (let tries = 0; tries < TRIES; tries += 1) {
      const next = this.#queue.next(nowMs, (lane) => closed.has(lane));
      if (next === undefined) break;
      if (next.attempt()) this.#served(next, nowMs);
      else closed.add(next.lane);
    }
    this.#lookLater();
  }

  #served(entry: Entry, nowMs: number): void {
    this.#queue.tookTurn(entry);
    this.#servedAtMs.push(nowMs);
    if (this.#servedAtMs.length > QUEUE_LENGTH) this.#servedAtMs.shift();
  }

  #lookLater(): void {
    if (this.#queue.length === 0 || this.#cancelLook !== undefined) return;
    this.#cancelLook = this.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #shed(criticality: Criticality, reason: ShedReason, refusal: AppError | undefined): AppError {
    const retryAfterSeconds = this.#retryAfterSeconds();
    const isCritical = criticality === 'critical' || criticality === 'critical-plus';
    if (reason === 'draining') return new AppError('draining', DRAINING, { retryAfterSeconds: 1 });
    // Who waited in vain learns what was missing, not that others came first.
    if (reason === 'waited' && isCritical) return refusal ?? new AppError('no_capacity', BUSY, { retryAfterSeconds });
    return new AppError(
      'capacity_shed',
      `Partners are at their limits and calls of class ${criticality} had to wait too long. Try again later, or ask for a higher class.`,
      {
        retryAfterSeconds,
        ...(refusal?.facts.aip === undefined ? {} : { aip: refusal.facts.aip }),
      },
    );
  }

  /** How long the queue takes at the rate of the last ten seconds, ± 20 %. */
  #retryAfterSeconds(): number {
    const nowMs = this.clock.nowMs();
    const recent = this.#servedAtMs.filter((atMs) => nowMs - atMs <= RATE_MS).length;
    const seconds = recent === 0 ? MAX_RETRY_S / 2 : (this.#queue.length + 1) / (recent / (RATE_MS / 1_000));
    return Math.min(MAX_RETRY_S, Math.max(1, seconds * (0.8 + 0.4 * jitter())));
  }

  #publish(): void {
    for (const criticality of CRITICALITIES)
      this.metrics.queueDepth.set({ criticality }, this.#queue.depth(criticality));
  }
}
