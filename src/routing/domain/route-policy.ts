import type { Criticality, Tier } from '../../platform/security/index.js';

/** What an organisation's routing may do. Absent lists (`null`) allow everything. */
export interface RoutePolicyBody {
  readonly defaultTier: Tier;
  /** Requirements and tier of a task, by task name. */
  readonly taskDefaults: Readonly<
    Record<string, { readonly tier?: Tier | undefined; readonly requires?: readonly string[] | undefined }>
  >;
  /** Alias → models in order of preference; the later ones are its fallbacks. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
  readonly allowedModels: readonly string[] | null;
  /** Provider names. */
  readonly allowedProviders: readonly string[] | null;
  /** Places where data may be processed: ISO 3166-1 alpha-2, `EU`, `EEA`. */
  readonly jurisdictions: readonly string[] | null;
  /** Public models that `auto` may use; null: every chat model. */
  readonly autoModels: readonly string[] | null;
  /** Labels of data in rising sensitivity. */
  readonly classifications: readonly string[];
  /** What of an answer may leave first; `content` keeps reasoning back, so that a fault after it can still move. */
  readonly commitOn: 'default' | 'any' | 'content';
  /** What a provider's refusal of the content leads to. */
  readonly onRefusal: 'return' | 'fallback';
  /** What a break in the middle of an answer leads to. */
  readonly onCut: 'end' | 'continue';
  /** Second attempts while the first is late; null: none. */
  readonly hedge: HedgePolicy | null;
}

/** Who may have a second attempt, and what that may cost. */
export interface HedgePolicy {
  readonly criticalities: readonly Criticality[];
  /** Most per UTC day and replica, decimal text; worst cases are counted. */
  readonly dailyAmount: string;
  /** ISO 4217; a plan in another currency is not hedged. */
  readonly currency: string;
}

/** A stored version of an organisation's policy. Versions are never edited; one of them is active. */
export interface RoutePolicy {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly version: number;
  readonly active: boolean;
  readonly body: RoutePolicyBody;
  readonly createdBy: string | null;
  readonly createdAtMs: number;
}

/** What holds until an organisation activates a policy of its own. */
export const DEFAULT_POLICY_BODY: RoutePolicyBody = {
  defaultTier: 'balanced',
  taskDefaults: {},
  aliases: {},
  allowedModels: null,
  allowedProviders: null,
  jurisdictions: null,
  autoModels: null,
  classifications: [],
  commitOn: 'default',
  onRefusal: 'return',
  onCut: 'end',
  hedge: null,
};

/** Where a policy names one of these public models: `alias fast`, `allowedModels`, `autoModels`. */
export function namedIn(
  { aliases, allowedModels, autoModels }: Pick<RoutePolicyBody, 'aliases' | 'allowedModels' | 'autoModels'>,
  models: ReadonlySet<string>,
): readonly string[] {
  const names = (list: readonly string[] | null): boolean => list?.some((one) => models.has(one)) === true;
  return [
    ...Object.entries(aliases).flatMap(([alias, targets]) => (names(targets) ? [`alias ${alias}`] : [])),
    ...(names(allowedModels) ? ['allowedModels'] : []),
    ...(names(autoModels) ? ['autoModels'] : []),
  ];
}
