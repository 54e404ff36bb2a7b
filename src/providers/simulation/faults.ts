import { type Clock } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';
import { seededRandom } from '../../platform/ids/index.js';

import { SIMULATED_PARTNERS, type SimulatedPartnerName } from './partners.js';

const PLAIN_KINDS = [
  'outage',
  'reset',
  'reset:connect',
  'dns',
  'tls',
  'throttle',
  'slow-headers',
  'stall:before',
  'stall:after',
  'drip',
  'malformed',
  'error-in-200',
  'truncate',
  'cut:before',
  'cut:after',
  'huge',
  'no-usage',
  'wrong-usage',
] as const;
const MAX_ACTIVE = 64;
const MAX_DURATION_MS = 24 * 3_600_000;

/** Faults that strike while a connection is made: none is kept alive while one of them is in force. */
const CONNECT_KINDS = [
  'outage',
  'reset:connect',
  'dns',
  'tls',
] as const satisfies readonly (typeof PLAIN_KINDS)[number][];

type PlainFaultKind = (typeof PLAIN_KINDS)[number];

/** What a simulated partner does wrong. `before` and `after` are relative to the first token of the answer. */
export type Fault = { readonly kind: PlainFaultKind } | { readonly kind: 'http'; readonly status: number };

/** What becomes of a connection to a simulated partner: reset by the partner, its name unknown, or its TLS handshake broken. */
export type ConnectFault = 'reset:connect' | 'dns' | 'tls';

/** A fault to switch on at one partner. */
export interface FaultOrder {
  readonly partner: SimulatedPartnerName;
  readonly fault: Fault;
  /** Only requests for this model; absent: all of them. */
  readonly model?: string | undefined;
  /** Share of requests it meets, 0…1. */
  readonly ratio: number;
  /** The first millisecond (Unix epoch) at which it is over; at most a day away. */
  readonly untilMs: number;
}

/** A fault in force, with the number under which it can be cleared. */
export interface ActiveFault extends FaultOrder {
  readonly id: number;
}

/** Reads a fault as people write it: `stall:before`, `http:503`, `outage`.
 *  @throws AppError invalid_value — an unknown kind (the message lists all) */
export function parseFault(text: string): Fault {
  const kind = PLAIN_KINDS.find((known) => known === text);
  if (kind !== undefined) return { kind };
  const status = /^http:([45]\d\d)$/.exec(text)?.[1];
  if (status !== undefined) return { kind: 'http', status: Number(status) };
  throw new AppError(
    'invalid_value',
    `"${text.slice(0, 40)}" is no fault. Use one of: ${PLAIN_KINDS.join(', ')}, http:<400 to 599>.`,
    { param: 'fault' },
  );
}

/** The text that {@link parseFault} reads back. */
export function formatFault(fault: Fault): string {
  return fault.kind === 'http' ? `http:${String(fault.status)}` : fault.kind;
}

/** The faults in force at all simulated partners, at most 64. Which requests a ratio below 1 meets follows from the seed
 *  and the order of arrival. */
export class FaultBoard {
  readonly #active = new Map<number, { fault: ActiveFault; random: () => number; cancel: () => void }>();
  readonly #listeners: ((partner: SimulatedPartnerName) => void)[] = [];
  #lastId = 0;

  constructor(
    private readonly clock: Clock,
    private readonly seed: number,
  ) {}

  /** Switches a fault on; in force when it returns, over by itself at `untilMs`.
   *  @throws AppError invalid_value — partner, ratio, time or model make no sense, or 64 faults are in force */
  set(order: FaultOrder): ActiveFault {
    const nowMs = this.clock.nowMs();
    checkOrder(order, nowMs);
    if (this.list().length >= MAX_ACTIVE)
      throw invalid('fault', `At most ${String(MAX_ACTIVE)} faults can be in force; clear some.`);
    const fault: ActiveFault = Object.freeze({ ...order, id: (this.#lastId += 1) });
    const cancel = this.clock.after(fault.untilMs - nowMs, () => {
      this.#remove([fault.id]);
    });
    this.#active.set(fault.id, { fault, random: seededRandom(this.seed ^ Math.imul(fault.id, 0x9e3779b1)), cancel });
    this.#announce(fault.partner);
    return fault;
  }

  /** Ends the faults that match all given members (none given: every fault) and returns how many there were. */
  clear(
    which: { readonly id?: number; readonly partner?: SimulatedPartnerName; readonly kind?: Fault['kind'] } = {},
  ): number {
    const ids = this.list()
      .filter(({ id }) => which.id === undefined || which.id === id)
      .filter(({ partner }) => which.partner === undefined || which.partner === partner)
      .filter(({ fault }) => which.kind === undefined || which.kind === fault.kind)
      .map(({ id }) => id);
    this.#remove(ids);
    return ids.length;
  }

  /** The faults in force, oldest first. */
  list(): readonly ActiveFault[] {
    const nowMs = this.clock.nowMs();
    return [...this.#active.values()].map(({ fault }) => fault).filter(({ untilMs }) => untilMs > nowMs);
  }

  /** True while the partner's listener has to be closed. */
  isOut(partner: SimulatedPartnerName): boolean {
    return this.list().some((active) => active.partner === partner && active.fault.kind === 'outage');
  }

  /** True while connections to this partner may fail: each request then needs one of its own. */
  isHardToReach(partner: SimulatedPartnerName): boolean {
    return this.list().some((active) => active.partner === partner && strikesConnections(active.fault));
  }

  /** True when a new connection to this partner meets this fault. Counts as one draw of the ratio. */
  drawsForConnection(partner: SimulatedPartnerName, kind: ConnectFault): boolean {
    return this.#draw(partner, undefined, (fault) => fault.kind === kind) !== undefined;
  }

  /** The fault this request meets, the oldest that applies first. Counts as one draw of each ratio it tries. */
  drawForRequest(partner: SimulatedPartnerName, model: string): Fault | undefined {
    return this.#draw(partner, model, (fault) => !strikesConnections(fault));
  }

  /** Calls `listener` after every change at a partner. */
  subscribe(listener: (partner: SimulatedPartnerName) => void): void {
    this.#listeners.push(listener);
  }

  #draw(partner: SimulatedPartnerName, model: string | undefined, fits: (fault: Fault) => boolean): Fault | undefined {
    const nowMs = this.clock.nowMs();
    for (const { fault: active, random } of this.#active.values()) {
      const isMeant = active.partner === partner && active.untilMs > nowMs && fits(active.fault);
      if (!isMeant || (active.model !== undefined && active.model !== model)) continue;
      if (active.ratio >= 1 || random() < active.ratio) return active.fault;
    }
    return undefined;
  }

  #remove(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.#active.get(id);
      if (entry === undefined) continue;
      entry.cancel();
      this.#active.delete(id);
      this.#announce(entry.fault.partner);
    }
  }

  #announce(partner: SimulatedPartnerName): void {
    for (const listener of this.#listeners) listener(partner);
  }
}

function strikesConnections({ kind }: Fault): boolean {
  return (CONNECT_KINDS as readonly string[]).includes(kind);
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_value', message, { param });
}

function checkOrder(order: FaultOrder, nowMs: number): void {
  const partner = SIMULATED_PARTNERS.find(({ name }) => name === order.partner);
  if (partner === undefined) {
    throw invalid(
      'partner',
      `There is no such simulated partner. Use one of: ${SIMULATED_PARTNERS.map(({ name }) => name).join(', ')}.`,
    );
  }
  const models = partner.models.map(({ name }) => name);
  if (order.model !== undefined && !models.includes(order.model)) {
    throw invalid('model', `${order.partner} has no such model. Use one of: ${models.join(', ')}.`);
  }
  if (!(order.ratio >= 0 && order.ratio <= 1)) throw invalid('ratio', 'A ratio lies between 0 and 1.');
  if (!(order.untilMs > nowMs && order.untilMs - nowMs <= MAX_DURATION_MS)) {
    throw invalid('untilMs', 'A fault ends in the future and within 24 hours.');
  }
  checkReach(order);
}

/** Faults that strike before a request is read cannot choose among requests. */
function checkReach({ fault, ratio, model }: FaultOrder): void {
  if (!strikesConnections(fault)) return;
  if (model !== undefined) {
    throw invalid('model', `${fault.kind} strikes before the model is known. Leave the model out.`);
  }
  if (fault.kind === 'outage' && ratio < 1) {
    throw invalid(
      'ratio',
      'An outage closes the listener and meets every request. Use reset:connect for a share of them.',
    );
  }
}
