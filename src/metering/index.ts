export { estimateRequest, type InputEstimate } from './domain/estimate-request.js';
export { countOutput, estimateTokens, inputBound } from './domain/estimate-tokens.js';
export { LEDGER_KINDS, type LedgerEntry, type LedgerKind } from './domain/ledger-entry.js';
export { fromPerMillion, readPrice } from './domain/list-price.js';
export {
  METERS,
  TOKEN_METERS,
  totalTokens,
  type Extra,
  type Meter,
  type TokenCounts,
  type TokenMeter,
} from './domain/meter.js';
export {
  PriceBook,
  SIMULATED_CURRENCY,
  STANDARD_TIER,
  type PriceQuote,
  type PriceVersion,
  type QuoteWish,
} from './domain/price-book.js';
export { chargeUsage, priceUsage, type Charge } from './domain/price-usage.js';
export type { UsageRecord } from './domain/usage-record.js';
export { expectedCost, worstCase, type Bounds } from './domain/worst-case.js';
export { MeteringModule } from './metering.module.js';
export { LateCharges, type ChargeCorrection } from './late-charges.js';
export { MeteringService } from './metering.service.js';
export { PostedWindows, type ChargeChange, type MovedWindows } from './posted-windows.js';
export { PricesService } from './prices.service.js';
export { InvoicesService } from './invoices/invoices.service.js';
export { ReconciliationsService } from './invoices/reconciliations.service.js';
export { StatementsService, type StatementWish } from './statements/statements.service.js';
export { RollupsService, type RollupDifference, type RollupView } from './rollups/rollups.service.js';
export type { RollupState } from './persistence/rollup.repository.js';
export type { PriceDraft, StoredPrice } from './domain/price-draft.js';
export type { BalanceTotals, PastUsage, PastWish, RequestMismatch } from './persistence/ledger.repository.js';
