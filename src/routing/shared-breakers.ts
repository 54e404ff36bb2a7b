import type { Clock } from '../platform/clock/index.js';
import type { Script, SharedStore } from '../platform/redis/index.js';
import type { CapacityBoard } from './capacity-board.js';
import type { CapacityLane } from './capacity-lane.js';
import type { BreakerState } from './domain/breaker.js';
import type { BreakerChange } from './domain/deployment-capacity.js';

const CHANNEL = 'aip:health';
/** State nobody renewed is forgotten: longer than any breaker waits. */
const KEPT_MS = 600_000;
const TRIAL_MS = 30_000;
const ASK_AGAIN_MS = 1_000;

/** How little each state lets through. */
const RANK: Readonly<Record<BreakerState['kind'], number>> = { closed: 0, ramp: 1, 'half-open': 2, open: 3 };

/** Writes a state unless somebody wrote a newer one that lets no more through; tells everybody. Returns what holds. */
const CHANGE: Script = {
  text: `local held = redis.call('HMGET', KEYS[1], 'epoch', 'rank', 'state')
local epoch = tonumber(held[1]) or 0
if epoch > tonumber(ARGV[1]) and (tonumber(held[2]) or 0) >= tonumber(ARGV[3]) then return {epoch, held[3]} end
epoch = epoch + 1
redis.call('HSET', KEYS[1], 'epoch', epoch, 'rank', ARGV[3], 'state', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], cjson.encode({kind = 'breaker', lane = ARGV[6], epoch = epoch, state = ARGV[2], from = ARGV[7]}))
return {epoch, ARGV[2]}`,
};

/** Takes a name for a time, or keeps it when it is one's own. */
const LEASE: Script = {
  text: `if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`,
};

interface BreakerMessage {
  readonly kind: 'breaker';
  readonly lane: string;
  readonly epoch: number;
  /** A {@link BreakerState} as JSON. */
  readonly state: string;
  readonly from: string;
}

interface ProbeMessage {
  readonly kind: 'probe';
  readonly lane: string;
  readonly ok: boolean;
  readonly from: string;
}

/** Makes the breakers of all replicas one: a state travels to the others within a round trip, the newest wins, and only one replica
 *  at a time makes a trial. Each acts on its own evidence at once and never waits for the store. */
export class SharedBreakers {
  readonly #epochs = new Map<string, number>();
  /** While a state of another replica is taken over, its change is no news. */
  #isAdopting = false;

  constructor(
    private readonly board: CapacityBoard,
    private readonly store: SharedStore,
    private readonly clock: Clock,
    private readonly replicaId: string,
  ) {
    store.hear(CHANNEL, (message) => {
      this.#heard(message);
    });
    board.listen({
      breakerChanged: (change, lane) => {
        this.#changed(change, lane);
      },
    });
  }

  /** Whether this replica probes the lane in this round; true where nobody can be asked. */
  async leaseProbe(lane: string, ms: number): Promise<boolean> {
    return (await this.store.run(LEASE, [`aip:probe:{${lane}}`], [this.replicaId, Math.round(ms)])) !== 0;
  }

  /** Tells the others what a probe found. */
  probed(lane: string, ok: boolean): void {
    const message: ProbeMessage = { kind: 'probe', lane, ok, from: this.replicaId };
    this.store.publish(CHANNEL, JSON.stringify(message));
  }

  #changed({ deployment, credentialId, to }: BreakerChange, lane: CapacityLane): void {
    const name = laneName(deployment.id, credentialId);
    if (to === 'half-open' && this.store.state === 'up') {
      lane.leaseTrial('wanted');
      void this.#leaseTrial(name, lane);
    } else if (to !== 'half-open') {
      lane.leaseTrial('free');
    }
    if (!this.#isAdopting) void this.#tell(name, lane.breaker);
  }

  async #tell(name: string, state: BreakerState): Promise<void> {
    const text = JSON.stringify(state.kind === 'closed' ? { ...state, outcomes: [] } : state);
    const args = [this.#epochs.get(name) ?? 0, text, RANK[state.kind], KEPT_MS, CHANNEL, name, this.replicaId];
    const held = await this.store.run(CHANGE, [`aip:brk:{${name}}`], args);
    if (!Array.isArray(held)) return;
    const [epoch, kept] = held as readonly unknown[];
    if (typeof epoch !== 'number' || typeof kept !== 'string') return;
    this.#epochs.set(name, Math.max(epoch, this.#epochs.get(name) ?? 0));
    if (kept !== text) this.#adopt(name, kept);
  }

  #heard(text: string): void {
    const message = parse(text);
    if (message === undefined || message.from === this.replicaId) return;
    if (message.kind === 'probe') {
      const { deploymentId, credentialId } = laneOf(message.lane);
      this.board.probedElsewhere(deploymentId, credentialId, message.ok);
      return;
    }
    if (message.epoch <= (this.#epochs.get(message.lane) ?? 0)) return;
    this.#epochs.set(message.lane, message.epoch);
    this.#adopt(message.lane, message.state);
  }

  /** A newer state holds where it lets less through, and where this replica was waiting for the outcome of a trial. */
  #adopt(name: string, text: string): void {
    const { deploymentId, credentialId } = laneOf(name);
    const own = this.board.findLane(deploymentId, credentialId)?.breaker;
    const state = breakerState(text);
    if (own === undefined || state === undefined) return;
    const isWaiting = own.kind === 'open' || own.kind === 'half-open';
    if (!isWaiting && RANK[state.kind] <= RANK[own.kind]) return;
    this.#isAdopting = true;
    try {
      this.board.adopt(deploymentId, credentialId, state);
    } finally {
      this.#isAdopting = false;
    }
  }

  async #leaseTrial(name: string, lane: CapacityLane): Promise<void> {
    const answer = await this.store.run(LEASE, [`aip:trial:{${name}}`], [this.replicaId, TRIAL_MS]);
    if (!lane.wantsLease) return;
    if (answer === 0) {
      this.clock.after(ASK_AGAIN_MS, () => {
        if (lane.wantsLease) void this.#leaseTrial(name, lane);
      });
      return;
    }
    // Ours, or nobody can be asked: own evidence only.
    lane.leaseTrial(answer === undefined ? 'free' : 'held');
  }
}

/** `deployment:credential`, as all replicas name a lane. */
export function laneName(deploymentId: string, credentialId: string | null): string {
  return `${deploymentId}:${credentialId ?? ''}`;
}

function laneOf(name: string): { readonly deploymentId: string; readonly credentialId: string | null } {
  const at = name.lastIndexOf(':');
  const credentialId = name.slice(at + 1);
  return { deploymentId: name.slice(0, at), credentialId: credentialId === '' ? null : credentialId };
}

function parse(text: string): BreakerMessage | ProbeMessage | undefined {
  try {
    const value = JSON.parse(text) as Partial<BreakerMessage | ProbeMessage>;
    if (typeof value.lane !== 'string' || typeof value.from !== 'string') return undefined;
    if (value.kind === 'probe') return typeof value.ok === 'boolean' ? (value as ProbeMessage) : undefined;
    const isBreaker = value.kind === 'breaker' && typeof value.epoch === 'number' && typeof value.state === 'string';
    return isBreaker ? (value as BreakerMessage) : undefined;
  } catch {
    return undefined;
  }
}

function breakerState(text: string): BreakerState | undefined {
  try {
    const state = JSON.parse(text) as BreakerState;
    return Object.hasOwn(RANK, state.kind) ? state : undefined;
  } catch {
    return undefined;
  }
}
