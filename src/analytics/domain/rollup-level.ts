import type { Dimension } from './usage-filter.js';

/** Suffixes of rollup levels with what they know, the smallest first. */
const CUTS: readonly (readonly [suffix: string, known: ReadonlySet<Dimension>])[] = [
  ['_partner', new Set(['PROVIDER', 'DEPLOYMENT', 'MODEL', 'TASK', 'CRITICALITY', 'SERVICE_TIER', 'OUTCOME'])],
  ['_investigation', new Set(['INVESTIGATION', 'OPERATION', 'PROVIDER', 'MODEL'])],
  ['_case', new Set(['TEAM', 'USER', 'KEY', 'INVESTIGATION', 'OPERATION'])],
  ['_user', new Set(['TEAM', 'USER', 'PROVIDER', 'MODEL'])],
];

/** The smallest sums that know all these dimensions; the suffix of a rollup level. Every level knows the organisation. */
export function rollupSuffix(dimensions: Iterable<Dimension>): string {
  const wanted = [...dimensions].filter((dimension) => dimension !== 'ORGANISATION');
  return CUTS.find(([, known]) => wanted.every((dimension) => known.has(dimension)))?.[0] ?? '';
}
