import type { Permission, Role } from './permissions.js';

/** Importance classes in falling order; shedding starts at the end. */
export const CRITICALITIES = ['critical-plus', 'critical', 'sheddable-plus', 'sheddable'] as const;

/** One of {@link CRITICALITIES}. */
export type Criticality = (typeof CRITICALITIES)[number];

/** Quality tiers in rising order. */
export const TIERS = ['economy', 'balanced', 'premium', 'critical'] as const;

/** One of {@link TIERS}. */
export type Tier = (typeof TIERS)[number];

/** Who calls, as the credential proves it. Nothing in it comes from a request header or body. */
export interface Principal {
  readonly kind: 'user' | 'service';
  readonly credential: { readonly kind: 'virtual_key' | 'access_token'; readonly id: string };
  readonly orgId: string;
  readonly userId: string;
  readonly teamId: string | null;
  readonly roles: readonly Role[];
  readonly permissions: ReadonlySet<Permission>;
  readonly entitlements: Entitlements;
}

/** What the credential may ask for, beyond permissions. `null` means no restriction. */
export interface Entitlements {
  readonly models: readonly string[] | null;
  readonly maxCriticality: Criticality;
  readonly maxTier: Tier;
  /** Investigation charged when the request names none. */
  readonly defaultInvestigationId: string | null;
  /** `true`: simulated partners only (`aip_test_…` keys); `false`: real partners only; `null`: access tokens, either. */
  readonly simulated: boolean | null;
  /** Work that may wait: its default criticality is `sheddable-plus`. */
  readonly batch: boolean;
}

/** Whom a call is for and who pays. Ids only; made by `cases` from the credential and what the credential may name. */
export interface Attribution {
  readonly orgId: string;
  readonly teamId: string | null;
  readonly userId: string;
  readonly keyId: string | null;
  readonly investigationId: string | null;
  readonly operationId: string | null;
}
