import { formatAmount, parseAmount, picoUsd } from '../../platform/money/index.js';
import { number, text, type Cell } from './export-lines.js';
import { focusHeader, type FocusVersion } from './focus-columns.js';

/** Usage of one meter, price, deployment, user and investigation in one charge period, as records know it. */
export interface FocusFact {
  readonly startMs: number;
  readonly endMs: number;
  /** First instant of the month it is billed in, and of the next. */
  readonly billedFromMs: number;
  readonly billedToMs: number;
  /** Corrects a month that was stated before. */
  readonly isCorrection: boolean;
  readonly currency: string;
  readonly orgId: string;
  readonly orgName: string | null;
  readonly investigationId: string | null;
  readonly investigation: string | null;
  readonly provider: string;
  readonly vendor: string;
  readonly region: string | null;
  readonly deploymentId: string;
  readonly model: string;
  readonly upstreamModel: string;
  readonly isEmbedding: boolean;
  /** Null: an amount that belongs to no meter. */
  readonly meter: string | null;
  readonly tier: string | null;
  readonly priceId: string | null;
  /** Whole units; null for an amount without a quantity. */
  readonly quantity: string | null;
  /** Decimal per one unit. */
  readonly unitPrice: string | null;
  /** Decimal, 12 places. */
  readonly cost: string;
  readonly userId: string;
  readonly team: string | null;
  readonly operationId: string | null;
  readonly credentialId: string | null;
  readonly criticality: string;
  readonly usageSource: string;
  readonly requests: string;
  readonly simulated: boolean;
}

interface MeterName {
  readonly name: string;
  /** Plural, capitalised, as the specification's unit format asks. */
  readonly unit: string;
  /** Units of one price. */
  readonly per: bigint;
}

const MILLION = 1_000_000n;
const tokens = (name: string): MeterName => ({ name: `${name} Tokens`, unit: 'Tokens', per: MILLION });
const single = (name: string, unit: string): MeterName => ({ name, unit, per: 1n });
const METER_NAMES: Readonly<Record<string, MeterName>> = {
  input: tokens('Input'),
  cachedInput: tokens('Cached Input'),
  cacheWrite: tokens('Cache Write'),
  output: tokens('Output'),
  reasoning: tokens('Reasoning'),
  cacheWrite1h: tokens('Cache Write (1 Hour)'),
  inputAudio: tokens('Input Audio'),
  outputAudio: tokens('Output Audio'),
  inputImage: tokens('Input Image'),
  outputImage: tokens('Output Image'),
  image: single('Images', 'Images'),
  second: single('Seconds', 'Seconds'),
  character: single('Characters', 'Characters'),
  page: single('Pages', 'Pages'),
  webSearch: single('Web Searches', 'Requests'),
  toolCall: single('Tool Calls', 'Requests'),
  request: single('Requests', 'Requests'),
};

const VENDOR_NAMES: Readonly<Record<string, string>> = {
  anthropic: 'Anthropic',
  azure: 'Microsoft Azure',
  bedrock: 'AWS',
  cohere: 'Cohere',
  deepseek: 'DeepSeek',
  fireworks: 'Fireworks AI',
  gemini: 'Google',
  groq: 'Groq',
  mistral: 'Mistral AI',
  openai: 'OpenAI',
  perplexity: 'Perplexity',
  together: 'Together AI',
  vertex: 'Google Cloud',
  xai: 'xAI',
};
/** Vendors that offer what others made, and by which beginning of the model's name the maker is known. */
const HOSTS: ReadonlySet<string> = new Set([
  'azure',
  'bedrock',
  'vertex',
  'fireworks',
  'groq',
  'together',
  'openrouter',
]);
const MAKERS: readonly (readonly [RegExp, string])[] = [
  [/claude/i, 'Anthropic'],
  [/gpt|^o\d/i, 'OpenAI'],
  [/gemini|gemma/i, 'Google'],
  [/llama/i, 'Meta'],
  [/mi(s|x)tral/i, 'Mistral AI'],
  [/deepseek/i, 'DeepSeek'],
];

/** The cells of a row, in the order of {@link focusHeader}. Unit price × pricing quantity is the cost, exactly. */
export function focusRow(fact: FocusFact, version: FocusVersion): readonly Cell[] {
  const cells = { ...place(fact), ...charge(fact), ...quantities(fact), ...own(fact) };
  return focusHeader(version).map((name) => {
    const cell = cells[name];
    if (cell === undefined) throw new Error(`No value for column ${name}`);
    return cell;
  });
}

type Cells = Readonly<Record<string, Cell>>;

function place(fact: FocusFact): Cells {
  const { investigationId, team, operationId } = fact;
  const hasCase = investigationId !== null;
  const tags = Object.entries({ team, operation: operationId }).filter(([, value]) => value !== null);
  return {
    ...seller(fact),
    BillingAccountId: text(fact.orgId),
    BillingAccountName: text(fact.orgName ?? fact.orgId),
    SubAccountId: text(investigationId),
    SubAccountName: text(fact.investigation ?? investigationId),
    SubAccountType: text(hasCase ? 'Investigation' : null),
    RegionId: text(fact.region),
    RegionName: text(fact.region),
    ServiceCategory: text('AI and Machine Learning'),
    ServiceName: text(fact.isEmbedding ? 'Embeddings' : 'Chat Completions'),
    ServiceSubcategory: text('Generative AI'),
    ResourceId: text(fact.deploymentId),
    ResourceName: text(`${fact.provider}/${fact.model}`),
    ResourceType: text('AI Deployment'),
    Tags: text(JSON.stringify(Object.fromEntries(tags))),
  };
}

/** Who offers, who made and who bills a model: two where a vendor hosts what others made. */
function seller({ vendor: id, upstreamModel }: FocusFact): Cells {
  const vendor = VENDOR_NAMES[id] ?? id;
  const maker = HOSTS.has(id) ? MAKERS.find(([name]) => name.test(upstreamModel))?.[1] : undefined;
  return {
    ProviderName: text(vendor),
    PublisherName: text(maker ?? vendor),
    InvoiceIssuerName: text(vendor),
    ServiceProviderName: text(maker ?? vendor),
    HostProviderName: text(vendor),
  };
}

function charge(fact: FocusFact): Cells {
  const isUsage = fact.quantity !== null;
  const meter = fact.meter === null ? undefined : METER_NAMES[fact.meter];
  const what = meter?.name ?? fact.meter;
  return {
    BillingCurrency: text(fact.currency),
    BillingPeriodStart: text(instant(fact.billedFromMs)),
    BillingPeriodEnd: text(instant(fact.billedToMs)),
    ChargePeriodStart: text(instant(fact.startMs)),
    ChargePeriodEnd: text(instant(fact.endMs)),
    ChargeCategory: text(isUsage ? 'Usage' : 'Adjustment'),
    ChargeClass: text(fact.isCorrection ? 'Correction' : null),
    ChargeDescription: text(
      isUsage
        ? `${String(what)} of ${fact.model} at ${fact.provider}`
        : `Adjustment of ${fact.model} at ${fact.provider}`,
    ),
    ChargeFrequency: text(isUsage ? 'Usage-Based' : 'One-Time'),
    PricingCategory: text(isUsage ? 'Standard' : null),
    ListCost: number(plain(fact.cost)),
    ContractedCost: number(plain(fact.cost)),
    BilledCost: number(plain(fact.cost)),
    EffectiveCost: number(plain(fact.cost)),
  };
}

function quantities(fact: FocusFact): Cells {
  const { quantity, unitPrice, meter } = fact;
  if (quantity === null || unitPrice === null || meter === null) return NO_QUANTITY;
  const { name, unit, per } = METER_NAMES[meter] ?? single(meter, 'Units');
  const price = number(plain(formatAmount(picoUsd(parseAmount(unitPrice) * per))));
  const sku = `${fact.vendor}:${fact.upstreamModel}:${meter}`;
  return {
    ConsumedQuantity: number(quantity),
    ConsumedUnit: text(unit),
    PricingQuantity: number(plain(scaled(BigInt(quantity), per))),
    PricingUnit: text(per === 1n ? unit : `${String(per)} ${unit}`),
    ListUnitPrice: price,
    ContractedUnitPrice: price,
    SkuId: text(sku),
    SkuPriceId: text(`${sku}:${fact.tier ?? 'standard'}`),
    SkuMeter: text(name),
    SkuPriceDetails: text(fact.tier === null ? null : JSON.stringify({ x_ServiceTier: fact.tier })),
  };
}

/** An amount that no quantity stands for: neither unit nor price nor SKU. */
const NO_QUANTITY: Cells = Object.fromEntries(
  [
    ['ConsumedQuantity', 'ConsumedUnit', 'PricingQuantity', 'PricingUnit', 'ListUnitPrice', 'ContractedUnitPrice'],
    ['SkuId', 'SkuPriceId', 'SkuMeter', 'SkuPriceDetails'],
  ]
    .flat()
    .map((name) => [name, text(null)]),
);

function own(fact: FocusFact): Cells {
  return {
    x_PriceId: text(fact.priceId),
    x_UserId: text(fact.userId),
    x_CredentialId: text(fact.credentialId),
    x_OperationId: text(fact.operationId),
    x_RequestCount: number(fact.requests),
    x_Criticality: text(fact.criticality),
    x_UsageSource: text(fact.usageSource),
    x_AuditFirstSeq: number(null),
    x_AuditLastSeq: number(null),
    x_Simulated: text(String(fact.simulated)),
  };
}

/** `2026-11-01T00:00:00Z`: periods begin and end at whole seconds. */
const instant = (atMs: number): string => new Date(atMs).toISOString().replace('.000Z', 'Z');

/** A decimal without zeros at its end. */
function plain(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

/** `quantity ÷ per`, exactly; `per` is a power of ten. */
function scaled(quantity: bigint, per: bigint): string {
  const places = String(per).length - 1;
  if (places === 0) return String(quantity);
  const digits = String(quantity).padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
