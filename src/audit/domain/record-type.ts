/** Commitments of each type after padding. Source: evidence page §2.4. */
const PADDING: Readonly<Record<string, number>> = {
  'log.genesis': 0,
  'log.config': 0,
  'log.link': 0,
  'log.closed': 0,
  'lane.open': 0,
  'lane.close': 0,
  'index.day': 0,
  'ai.request.intent': 16,
  'ai.attempt': 2,
  'ai.request.outcome': 4,
  'ai.request.unknown': 4,
  'ai.request.resolved': 4,
  'ai.request.refused': 16,
};
const ANOMALY = 'anomaly.';
const STANDARD = 8;

/** Types this release writes. Verifiers accept unknown ones. */
export type RecordType =
  | 'log.genesis'
  | 'log.config'
  | 'lane.open'
  | 'lane.close'
  | 'ai.request.intent'
  | 'ai.attempt'
  | 'ai.request.outcome'
  | 'ai.request.unknown'
  | 'ai.request.resolved'
  | 'ai.request.refused'
  | 'budget.change'
  | 'price.change'
  | 'policy.change'
  | 'provider.change'
  | 'case.change'
  | 'access.change'
  | `override.${string}`
  | 'auth.failed'
  | 'data.consult'
  | 'data.disclose'
  | 'verify.run';

/** How many commitments a record of this type carries. */
export function paddingOf(type: string): number {
  return PADDING[type] ?? (type.startsWith(ANOMALY) ? 0 : STANDARD);
}

/** Types that end a request; each intent gets exactly one. */
export const TERMINAL_TYPES: ReadonlySet<string> = new Set(['ai.request.outcome', 'ai.request.unknown']);

/** Types whose commitments always hold something, so that their vault may not be missing. */
export const SEALED_TYPES: ReadonlySet<string> = new Set(['ai.request.intent']);
