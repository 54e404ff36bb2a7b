import { newId } from '../../platform/ids/index.js';
import { picoUsd, sum } from '../../platform/money/index.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { Adjustment, Charge } from '../persistence/charge.repository.js';
import type { MovedWindows } from '../posted-windows.js';

/** A share of a variance that falls on one charge. */
export interface ChargeShare extends Charge {
  readonly meter: string | null;
  /** Never zero. */
  readonly share: bigint;
}

/** What all shares of a posting have in common. */
export interface AdjustmentFacts {
  readonly orgId: string;
  readonly currency: string;
  readonly reason: string;
  readonly ref: string;
  readonly atMs: number;
}

/** One ADJUST per request, and one correction per charge that points to it: the sums of both are the same. */
export function adjustmentEntries(
  shares: readonly ChargeShare[],
  facts: AdjustmentFacts,
  moved: ReadonlyMap<string, MovedWindows>,
): { readonly entries: readonly LedgerEntry[]; readonly adjustments: readonly Adjustment[] } {
  const entries: LedgerEntry[] = [];
  const adjustments: Adjustment[] = [];
  const { orgId, currency, reason, ref, atMs } = facts;
  for (const [requestId, own] of Map.groupBy(shares, (share) => share.requestId)) {
    const ledgerEntryId = newId();
    const { balanceIds = [], postedDeltas = [] } = moved.get(requestId) ?? {};
    entries.push({
      id: ledgerEntryId,
      orgId,
      atMs,
      holdId: null,
      requestId,
      kind: 'ADJUST',
      currency,
      amount: sum(own.map(({ share }) => picoUsd(share))),
      balanceIds,
      heldDeltas: balanceIds.map(() => picoUsd(0n)),
      postedDeltas,
      reason,
      ref,
    });
    for (const { usageId, atMs: usedAtMs, meter, share } of own) {
      adjustments.push({
        id: newId(),
        orgId,
        usageId,
        atMs: usedAtMs,
        requestId,
        ledgerEntryId,
        meter,
        currency,
        amount: picoUsd(share),
        reason,
        ref,
        recordedAtMs: atMs,
      });
    }
  }
  return { entries, adjustments };
}
