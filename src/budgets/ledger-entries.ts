import type { LedgerEntry } from '../metering/index.js';
import { newId } from '../platform/ids/index.js';
import { picoUsd, ZERO, type PicoUsd } from '../platform/money/index.js';
import { changeOf, postedOn, type Hold, type Resize, type Settle } from './domain/hold.js';

const KIND_OF = { settle: 'SETTLE', unknown: 'SETTLE', release: 'RELEASE', expire: 'EXPIRE' } as const;

function entryOf(
  hold: Hold,
  atMs: number,
  moved: Pick<LedgerEntry, 'kind' | 'amount' | 'heldDeltas' | 'postedDeltas' | 'reason'>,
): LedgerEntry {
  return {
    id: newId(),
    orgId: hold.orgId,
    atMs,
    holdId: hold.id,
    requestId: hold.requestId,
    currency: hold.currency,
    balanceIds: hold.lines.map(({ balanceId }) => balanceId),
    ref: null,
    ...moved,
  };
}

/** A hold is made. */
export function holdEntry(hold: Hold, atMs: number): LedgerEntry {
  return entryOf(hold, atMs, {
    kind: 'HOLD',
    amount: hold.amount,
    heldDeltas: hold.lines.map(({ amount }) => amount),
    postedDeltas: hold.lines.map(() => ZERO),
    reason: 'reserve',
  });
}

/** A hold grows before another attempt, or shrinks to what the serving deployment can cost. */
export function resizeEntry(kind: 'EXTEND' | 'SHRINK', resize: Resize, atMs: number): LedgerEntry {
  const { hold, to } = resize;
  return entryOf(to, atMs, {
    kind,
    amount: picoUsd(kind === 'EXTEND' ? to.amount - hold.amount : hold.amount - to.amount),
    heldDeltas: changeOf(resize),
    postedDeltas: to.lines.map(() => ZERO),
    reason: kind === 'EXTEND' ? 'attempt' : 'serving',
  });
}

/** A hold ends: what was held goes, what was used comes. */
export function settleEntry(settle: Settle, atMs: number): LedgerEntry {
  const { hold, posted, reason } = settle;
  return entryOf(hold, atMs, {
    kind: KIND_OF[reason],
    amount: posted.amount,
    heldDeltas: hold.lines.map(({ amount }) => picoUsd(0n - amount)),
    postedDeltas: hold.lines.map((line) => postedOn(line, settle)),
    reason,
  });
}

/** A window starts with what its scope had used in it. */
export function openingEntry(
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
