import { picoUsd, type PicoUsd } from '../../platform/money/index.js';

/** How an invoice compares with our records. Source: money page §8. */
export const VERDICTS = ['MATCHED', 'WITHIN', 'OVER', 'UNDER', 'ONLY_OURS', 'ONLY_THEIRS'] as const;

/** One of {@link VERDICTS}: OVER is billed more than we charged, UNDER less. */
export type Verdict = (typeof VERDICTS)[number];

/** Where two sides are compared. */
export interface CellKey {
  /** `2026-11-22`, UTC. */
  readonly day: string;
  /** Null: the invoice names none. */
  readonly credential: string | null;
  /** As the partner calls it. */
  readonly model: string;
  /** Null: all meters of the model, because the invoice does not part them. */
  readonly meter: string | null;
}

/** What we charged in a cell. */
export interface OurCell extends CellKey {
  readonly amount: PicoUsd;
  readonly quantity: bigint;
  /** Parts of `amount` that nobody confirmed, that we counted ourselves, that had no price of their own. */
  readonly unconfirmed: PicoUsd;
  readonly counted: PicoUsd;
  readonly assumed: PicoUsd;
}

/** What the invoice says of a cell. */
export interface TheirCell extends CellKey {
  readonly amount: PicoUsd;
  /** Decimal, at most six places; null: not said. */
  readonly quantity: string | null;
}

/** Both sides of a cell. */
export interface ReconciledCell extends CellKey {
  readonly verdict: Verdict;
  readonly ours: PicoUsd;
  readonly theirs: PicoUsd;
  readonly ourQuantity: bigint | null;
  readonly theirQuantity: string | null;
  readonly unconfirmed: PicoUsd;
  readonly counted: PicoUsd;
  readonly assumed: PicoUsd;
}

/** 0.01 of a currency unit. */
const TOLERANCE = 10n ** 10n;
const HUNDRED = 100n;
const ZERO = picoUsd(0n);

const keyOf = ({ day, credential, model, meter }: CellKey): string => JSON.stringify([day, credential, model, meter]);
const modelOf = ({ day, credential, model }: CellKey): string => JSON.stringify([day, credential, model]);

/** Compares cell by cell. Our meters are added up where the invoice does not part them, our credentials where it names none.
 *  Sorted by key; the sums of both sides are those of the cells. */
export function reconcile(ours: readonly OurCell[], theirs: readonly TheirCell[]): readonly ReconciledCell[] {
  const hasCredentials = theirs.some(({ credential }) => credential !== null);
  const whole = new Set(theirs.filter(({ meter }) => meter === null).map(modelOf));
  const common = <Cell extends CellKey>(cell: Cell): Cell => {
    const known = hasCredentials ? cell : { ...cell, credential: null };
    return whole.has(modelOf(known)) ? { ...known, meter: null } : known;
  };
  const left = collect(ours.map(common), addOurs);
  const right = collect(theirs.map(common), addTheirs);
  return [...new Set([...left.keys(), ...right.keys()])].sort().map((key) => bothSides(left.get(key), right.get(key)));
}

function bothSides(ours: OurCell | undefined, theirs: TheirCell | undefined): ReconciledCell {
  const cell = ours ?? theirs;
  if (cell === undefined) throw new Error('A key comes from one side');
  const { day, credential, model, meter } = cell;
  const { unconfirmed, counted, assumed } = ours ?? { unconfirmed: ZERO, counted: ZERO, assumed: ZERO };
  return {
    ...{ day, credential, model, meter, unconfirmed, counted, assumed },
    verdict: verdictOf(ours, theirs),
    ours: ours?.amount ?? ZERO,
    theirs: theirs?.amount ?? ZERO,
    ourQuantity: ours?.quantity ?? null,
    theirQuantity: theirs?.quantity ?? null,
  };
}

function verdictOf(ours: OurCell | undefined, theirs: TheirCell | undefined): Verdict {
  if (theirs === undefined) return 'ONLY_OURS';
  if (ours === undefined) return 'ONLY_THEIRS';
  const difference = theirs.amount - ours.amount;
  if (difference === 0n) return 'MATCHED';
  const distance = difference < 0n ? -difference : difference;
  if (distance <= TOLERANCE || distance * HUNDRED <= theirs.amount) return 'WITHIN';
  return difference > 0n ? 'OVER' : 'UNDER';
}

function collect<Cell extends CellKey>(
  cells: readonly Cell[],
  add: (a: Cell, b: Cell) => Cell,
): ReadonlyMap<string, Cell> {
  const found = new Map<string, Cell>();
  for (const cell of cells) {
    const before = found.get(keyOf(cell));
    found.set(keyOf(cell), before === undefined ? cell : add(before, cell));
  }
  return found;
}

function addOurs(a: OurCell, b: OurCell): OurCell {
  return {
    ...a,
    amount: picoUsd(a.amount + b.amount),
    quantity: a.quantity + b.quantity,
    unconfirmed: picoUsd(a.unconfirmed + b.unconfirmed),
    counted: picoUsd(a.counted + b.counted),
    assumed: picoUsd(a.assumed + b.assumed),
  };
}

function addTheirs(a: TheirCell, b: TheirCell): TheirCell {
  return { ...a, amount: picoUsd(a.amount + b.amount), quantity: addQuantities(a.quantity, b.quantity) };
}

const PLACES = 6;

function addQuantities(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return null;
  const units = (text: string): bigint => {
    const [whole = '0', fraction = ''] = text.split('.');
    return BigInt(whole + fraction.padEnd(PLACES, '0'));
  };
  const digits = String(units(a) + units(b)).padStart(PLACES + 1, '0');
  return `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}
