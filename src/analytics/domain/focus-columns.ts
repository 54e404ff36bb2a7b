/** What the FOCUS specification says of a column. */
export interface FocusColumn {
  readonly id: string;
  readonly level: 'Mandatory' | 'Conditional' | 'Recommended';
  readonly type: 'String' | 'Decimal' | 'Date/Time' | 'JSON';
  readonly nullable: boolean;
}

/** Where {@link FOCUS_COLUMNS} comes from. */
export const FOCUS_SOURCE = {
  specification: 'FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, tag v1.2, specification/columns',
  version: '1.2',
  published: '2025-05-29',
  licence: 'CC-BY-4.0',
} as const;

type Row = readonly [id: string, level: FocusColumn['level'], type: FocusColumn['type'], nullable: boolean];

const ROWS: readonly Row[] = [
  ['BillingAccountId', 'Mandatory', 'String', false],
  ['BillingAccountName', 'Mandatory', 'String', true],
  ['SubAccountId', 'Conditional', 'String', true],
  ['SubAccountName', 'Conditional', 'String', true],
  ['SubAccountType', 'Conditional', 'String', true],
  ['BillingCurrency', 'Mandatory', 'String', false],
  ['BillingPeriodStart', 'Mandatory', 'Date/Time', false],
  ['BillingPeriodEnd', 'Mandatory', 'Date/Time', false],
  ['ChargePeriodStart', 'Mandatory', 'Date/Time', false],
  ['ChargePeriodEnd', 'Mandatory', 'Date/Time', false],
  ['ProviderName', 'Mandatory', 'String', false],
  ['PublisherName', 'Mandatory', 'String', false],
  ['InvoiceIssuerName', 'Mandatory', 'String', false],
  ['RegionId', 'Conditional', 'String', true],
  ['RegionName', 'Conditional', 'String', true],
  ['ServiceCategory', 'Mandatory', 'String', false],
  ['ServiceName', 'Mandatory', 'String', false],
  ['ServiceSubcategory', 'Recommended', 'String', false],
  ['ChargeCategory', 'Mandatory', 'String', false],
  ['ChargeClass', 'Mandatory', 'String', true],
  ['ChargeDescription', 'Mandatory', 'String', true],
  ['ChargeFrequency', 'Recommended', 'String', false],
  ['PricingCategory', 'Conditional', 'String', true],
  ['ConsumedQuantity', 'Conditional', 'Decimal', true],
  ['ConsumedUnit', 'Conditional', 'String', true],
  ['PricingQuantity', 'Mandatory', 'Decimal', true],
  ['PricingUnit', 'Mandatory', 'String', true],
  ['ListUnitPrice', 'Conditional', 'Decimal', true],
  ['ContractedUnitPrice', 'Conditional', 'Decimal', true],
  ['ListCost', 'Mandatory', 'Decimal', false],
  ['ContractedCost', 'Mandatory', 'Decimal', false],
  ['BilledCost', 'Mandatory', 'Decimal', false],
  ['EffectiveCost', 'Mandatory', 'Decimal', false],
  ['SkuId', 'Conditional', 'String', true],
  ['SkuPriceId', 'Conditional', 'String', true],
  ['SkuMeter', 'Conditional', 'String', true],
  ['SkuPriceDetails', 'Conditional', 'JSON', true],
  ['ResourceId', 'Conditional', 'String', true],
  ['ResourceName', 'Conditional', 'String', true],
  ['ResourceType', 'Conditional', 'String', true],
  ['Tags', 'Conditional', 'JSON', true],
];

/** The columns of an export in their order: all mandatory ones, and those of the others that this product knows something for. */
export const FOCUS_COLUMNS: readonly FocusColumn[] = ROWS.map(([id, level, type, nullable]) => ({
  id,
  level,
  type,
  nullable,
}));

/** Columns that later versions of the specification add. */
export const LATER_COLUMNS = ['ServiceProviderName', 'HostProviderName'] as const;

/** Our own columns; they stand after those of the specification. */
export const OWN_COLUMNS = [
  'x_PriceId',
  'x_UserId',
  'x_CredentialId',
  'x_OperationId',
  'x_RequestCount',
  'x_Criticality',
  'x_UsageSource',
  'x_AuditFirstSeq',
  'x_AuditLastSeq',
  'x_Simulated',
] as const;

/** Versions of the specification an export can be made for. */
export const FOCUS_VERSIONS = ['1.2', '1.3', '1.4'] as const;

/** One of {@link FOCUS_VERSIONS}. */
export type FocusVersion = (typeof FOCUS_VERSIONS)[number];

/** The header of an export, in order. */
export function focusHeader(version: FocusVersion): readonly string[] {
  return [...FOCUS_COLUMNS.map(({ id }) => id), ...(version === '1.2' ? [] : LATER_COLUMNS), ...OWN_COLUMNS];
}
