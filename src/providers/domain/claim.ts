/** A statement about a provider that compliance routes on, with its evidence. */
export interface Claim {
  /** `processingIn`, `storageIn`, `operatorLaw`, `certification`, `retention`, `trainsOnInput`, `highestClassification`, … */
  readonly kind: string;
  readonly value: unknown;
  readonly evidenceUrl: string | null;
  readonly statedAtMs: number;
  readonly reviewedBy: string | null;
  /** After it the claim counts as absent. */
  readonly reviewDueAtMs: number;
}

/** The values in force of all claims of a kind; a claim whose review is due says nothing. Lists are joined. */
export function claimedValues(claims: readonly Claim[], kind: string, atMs: number): readonly unknown[] {
  return claims
    .filter((claim) => claim.kind === kind && claim.reviewDueAtMs > atMs)
    .flatMap(({ value }) => (Array.isArray(value) ? (value as unknown[]) : [value]));
}

/** True when the provider is known to process in `allowed` places only. No claim in force proves nothing: false. */
export function processesWithin(claims: readonly Claim[], allowed: readonly string[], atMs: number): boolean {
  const places = claimedValues(claims, 'processingIn', atMs);
  return places.length > 0 && places.every((place) => typeof place === 'string' && allowed.includes(place));
}
