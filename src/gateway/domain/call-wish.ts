import type { Money } from '../../platform/money/index.js';
import type { Criticality, Tier } from '../../platform/security/index.js';

/** Headers that a wish can come from, lower-case as Node delivers them. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a caller wishes beside the OpenAI request itself, from headers or the body's `aip` member. */
export interface CallWish {
  readonly investigation?: string;
  readonly operation?: string;
  readonly purpose?: string;
  readonly justification?: string;
  readonly criticality?: Criticality;
  readonly onBehalfOf?: string;
  readonly maxCost?: Money;
  readonly classification?: string;
  readonly timeoutMs?: number;
  readonly metadata: 'none' | 'cost' | 'full';
  readonly routing: RoutingWish;
  readonly evidence?: EvidenceWish;
}

/** Source: the routing page §1. Everything is optional and only narrows what policy allows. */
export interface RoutingWish {
  readonly task?: string;
  readonly tier?: Tier;
  readonly providersAllow?: readonly string[];
  readonly providersDeny?: readonly string[];
  readonly jurisdictions?: readonly string[];
  readonly requires?: readonly string[];
  readonly minContext?: number;
}

/** Kept only as commitments of the audit record. */
export interface EvidenceWish {
  readonly legalBasis?: string;
  readonly exhibits?: readonly string[];
  readonly subjects?: readonly string[];
  readonly referenceDatabase?: string;
}
