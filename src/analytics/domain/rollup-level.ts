import type { Dimension } from './usage-filter.js';

const PARTNER: ReadonlySet<Dimension> = new Set([
  'ORGANISATION',
  'PROVIDER',
  'DEPLOYMENT',
  'MODEL',
  'TASK',
  'CRITICALITY',
  'SERVICE_TIER',
  'OUTCOME',
]);
const CASE: ReadonlySet<Dimension> = new Set(['ORGANISATION', 'TEAM', 'USER', 'KEY', 'INVESTIGATION', 'OPERATION']);

/** The smallest sums that know all these dimensions; the suffix of a rollup level. */
export function rollupSuffix(dimensions: Iterable<Dimension>): '' | '_partner' | '_case' {
  const all = [...dimensions];
  if (all.every((dimension) => PARTNER.has(dimension))) return '_partner';
  return all.every((dimension) => CASE.has(dimension)) ? '_case' : '';
}
