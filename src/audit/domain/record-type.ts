import type { JsonObject } from './canonical.js';
import type { DisclosureClass } from './commitment.js';

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
  | 'ledger.change'
  | 'statement.change'
  | 'policy.change'
  | 'provider.change'
  | 'case.change'
  | 'access.change'
  | 'webhook.change'
  | `override.${string}`
  | 'auth.failed'
  | 'data.consult'
  | 'data.disclose'
  | 'export.created'
  | 'export.released'
  | 'verify.run';

interface TypeRule {
  /** Commitments after padding. */
  readonly padding: number;
  /** Keys that `pub` may have. */
  readonly pub: ReadonlySet<string>;
  /** Classes of which every record of the type has a disclosure, so that its vault may not be missing. */
  readonly sealed: readonly DisclosureClass[];
}

const rule = (padding: number, pub: string, sealed: readonly DisclosureClass[] = []): TypeRule => ({
  padding,
  pub: new Set(pub.split(' ')),
  sealed,
});
const OUTCOME =
  'attempts cost finish http in model out overheadMs provider req status totalMs ttfbMs usageIds usageSource';
const CHANGE_FIELDS = 'fields id kind version count from to';
const CHANGE = rule(8, CHANGE_FIELDS, ['o']);
const OTHER = rule(8, CHANGE_FIELDS);
const IS_CHANGE = /^(?:[a-z]+\.change|override\..+)$/;
const ACCESS = rule(8, 'class codes counts fields id kind scope version');
const ANOMALY = rule(0, 'expected kind seen');

/** Source: evidence page §2.4. */
const RULES: Readonly<Record<string, TypeRule>> = {
  'log.genesis': rule(0, 'format predecessor reason vkey'),
  'log.config': rule(0, 'config content durability node software'),
  'lane.open': rule(0, 'boot config lane replica software'),
  'lane.close': rule(0, 'heads lane n reason'),
  'ai.request.intent': rule(16, 'criticality decision hold maxTokens model op plan policy req simulated stream', [
    'o',
    's',
  ]),
  'ai.attempt': rule(
    2,
    'continues cost deployment ended error http in model out provider region req seq simulated started status ttfbMs ' +
      'usageSource',
  ),
  'ai.request.outcome': rule(4, OUTCOME),
  'ai.request.unknown': rule(4, 'cost req usageIds why'),
  'ai.request.resolved': rule(4, `${OUTCOME} source why`),
  'ai.request.refused': rule(16, 'code count from rejected req stage to', ['o']),
  'data.consult': ACCESS,
  'data.disclose': ACCESS,
  'verify.run': ACCESS,
  'export.created': rule(8, 'counts id manifests mode', ['o']),
  'export.released': rule(8, 'bytes id sha256', ['o']),
};

function ruleOf(type: string): TypeRule {
  return RULES[type] ?? (type.startsWith('anomaly.') ? ANOMALY : IS_CHANGE.test(type) ? CHANGE : OTHER);
}

/** How many commitments a record of this type carries. */
export function paddingOf(type: string): number {
  return ruleOf(type).padding;
}

/** Classes of which every record of this type has a disclosure. */
export function sealedClassesOf(type: string): readonly DisclosureClass[] {
  return ruleOf(type).sealed;
}

/** Refuses a public field that the type does not have: what is not listed must not become public for ever.
 *  @throws Error — names type and field */
export function requirePublic(type: RecordType, pub: JsonObject): void {
  const { pub: known } = ruleOf(type);
  for (const key of Object.keys(pub)) {
    if (!known.has(key)) throw new Error(`A record of type ${type} has no public field ${key}: commit to it instead`);
  }
}

/** Types that end a request; each intent gets exactly one. */
export const TERMINAL_TYPES: ReadonlySet<string> = new Set(['ai.request.outcome', 'ai.request.unknown']);
