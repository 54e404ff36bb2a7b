import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FILE = path.resolve('..', 'shared', 'data', 'specs', 'focus-1.2-columns.json');

/** What the published specification says of a column. */
export interface PublishedColumn {
  readonly id: string;
  readonly level: 'Mandatory' | 'Conditional' | 'Recommended' | 'Optional';
  readonly nulls: 'True' | 'False';
  readonly dataType: string;
  readonly allowed: readonly string[] | null;
}

/** A row of a FOCUS file by column. */
export type FocusRecord = Readonly<Record<string, string | null>>;

/** The published columns; undefined where the folder of published data is absent. */
export function publishedColumns(): readonly PublishedColumn[] | undefined {
  if (!existsSync(FILE)) return undefined;
  return (JSON.parse(readFileSync(FILE, 'utf8')) as { columns: readonly PublishedColumn[] }).columns;
}

/** Reads CSV as RFC 4180 has it; an empty cell is null. */
export function parseCsv(text: string): readonly (readonly (string | null)[])[] {
  const records: (string | null)[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/y;
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) throw new Error('Not RFC 4180');
    const [, quoted, bare, end] = match;
    records.at(-1)?.push(quoted?.replaceAll('""', '"') ?? (bare === '' ? null : (bare ?? null)));
    if (end === '\r\n') records.push([]);
    else if (end === '') break;
  }
  if (records.at(-1)?.length === 0) records.pop();
  return records;
}

/** A FOCUS file as records. */
export function readFocus(csv: string): {
  readonly header: readonly string[];
  readonly records: readonly FocusRecord[];
} {
  const [head = [], ...lines] = parseCsv(csv);
  const header = head.map(String);
  return {
    header,
    records: lines.map((line) => {
      if (line.length !== header.length) throw new Error('A record has another number of cells than the header');
      return Object.fromEntries(header.map((name, index) => [name, line[index] ?? null]));
    }),
  };
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;
const UNIT = /^(?:\d+ )?[A-Z][A-Za-z ]*$/;

/** An exact decimal as a count of 10⁻¹⁸. */
function units(decimal: string | null | undefined): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal ?? '0') ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(18, '0')}`);
}

const isJsonPairs = (text: string): boolean => {
  const value: unknown = JSON.parse(text);
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one !== 'object')
  );
};

/** Every rule of FOCUS 1.2 that touches the columns of this file and can be read from it. Returns what is broken. */
export function checkFocus(
  file: { readonly header: readonly string[]; readonly records: readonly FocusRecord[] },
  columns: readonly PublishedColumn[],
): readonly string[] {
  const known = new Map(columns.map((column) => [column.id, column]));
  const broken = new Set(headerRules(file.header, known));
  for (const record of file.records) {
    for (const name of file.header) {
      const column = known.get(name);
      if (column !== undefined)
        for (const rule of cellRules(column, record[name] ?? null)) broken.add(`${name} ${rule}`);
    }
    for (const [rule, isKept] of [...nullRules(record), ...valueRules(record)]) if (!isKept) broken.add(rule);
  }
  return [...broken];
}

function* headerRules(header: readonly string[], known: ReadonlyMap<string, PublishedColumn>): Generator<string> {
  for (const { id, level } of known.values()) {
    if (level === 'Mandatory' && !header.includes(id)) yield `${id} MUST be present`;
  }
  for (const name of header) {
    if (!known.has(name) && !name.startsWith('x_'))
      yield `${name} is no column of the specification and lacks the prefix x_`;
  }
  if (new Set(header).size !== header.length) yield 'Column names MUST be unique';
}

function* cellRules({ nulls, dataType, allowed, id }: PublishedColumn, value: string | null): Generator<string> {
  if (value === null) {
    if (nulls === 'False') yield 'MUST NOT be null';
    return;
  }
  if (dataType === 'Decimal' && !DECIMAL.test(value)) yield 'MUST conform to NumericFormat';
  if (dataType === 'Date/Time' && !INSTANT.test(value)) yield 'MUST conform to DateTimeFormat';
  if (dataType === 'JSON' && !isJsonPairs(value)) yield 'MUST conform to KeyValueFormat';
  // The published list of this column holds the parents; its own values stand in the text beside them.
  if (id !== 'ServiceSubcategory' && allowed !== null && !allowed.includes(value))
    yield 'MUST be one of the allowed values';
}

function* nullRules(record: FocusRecord): Generator<readonly [string, boolean]> {
  const has = (name: string): boolean => (record[name] ?? null) !== null;
  const isUsage = record['ChargeCategory'] === 'Usage';
  const isCorrection = record['ChargeClass'] === 'Correction';
  const together = (a: string, b: string): readonly [string, boolean] => [
    `${a} and ${b} are null together`,
    has(a) === has(b),
  ];
  yield together('ConsumedQuantity', 'ConsumedUnit');
  yield together('PricingQuantity', 'PricingUnit');
  yield together('SkuId', 'SkuMeter');
  yield together('SkuId', 'SkuPriceId');
  yield together('SubAccountId', 'SubAccountName');
  yield together('SubAccountId', 'SubAccountType');
  yield together('ResourceId', 'ResourceType');
  yield together('RegionId', 'RegionName');
  yield ['SkuPriceDetails MUST be null when SkuPriceId is null', has('SkuPriceId') || !has('SkuPriceDetails')];
  if (!isUsage) yield ['ConsumedQuantity MUST be null when ChargeCategory is not Usage', !has('ConsumedQuantity')];
  if (isUsage && !isCorrection) {
    for (const name of [
      'ConsumedQuantity',
      'PricingQuantity',
      'ListUnitPrice',
      'ContractedUnitPrice',
      'PricingCategory',
      'SkuId',
      'SkuPriceId',
    ])
      yield [`${name} MUST NOT be null for Usage that is no correction`, has(name)];
  }
}

function* valueRules(record: FocusRecord): Generator<readonly [string, boolean]> {
  const has = (name: string): boolean => (record[name] ?? null) !== null;
  const isCorrection = record['ChargeClass'] === 'Correction';
  for (const name of ['ListUnitPrice', 'ContractedUnitPrice'])
    yield [`${name} MUST be non-negative`, !(record[name] ?? '').startsWith('-')];
  for (const name of ['ConsumedUnit', 'PricingUnit'])
    yield [`${name} SHOULD conform to UnitFormat`, !has(name) || UNIT.test(record[name] ?? '')];
  if (has('ListUnitPrice') && has('PricingQuantity')) {
    const product = units(record['ListUnitPrice']) * units(record['PricingQuantity']);
    yield ['ListCost is ListUnitPrice × PricingQuantity', product === units(record['ListCost']) * 10n ** 18n];
  }
  const at = (name: string): number => Date.parse(record[name] ?? '');
  yield ['ChargePeriodEnd is exclusive and after its start', at('ChargePeriodStart') < at('ChargePeriodEnd')];
  yield ['BillingPeriodEnd is exclusive and after its start', at('BillingPeriodStart') < at('BillingPeriodEnd')];
  const isWithin =
    at('ChargePeriodStart') >= at('BillingPeriodStart') && at('ChargePeriodEnd') <= at('BillingPeriodEnd');
  yield ['A charge outside of its billing period is a Correction', isWithin || isCorrection];
  yield ['BillingCurrency MUST conform to CurrencyFormat', /^[A-Z]{3}$/.test(record['BillingCurrency'] ?? '')];
}
