import { AppError } from '../../platform/errors/index.js';
import { CRITICALITIES, type Criticality, type Principal } from '../../platform/security/index.js';

/** The class a call runs in, and whether only an override allows it. */
export interface GrantedCriticality {
  readonly criticality: Criticality;
  readonly byOverride: boolean;
}

const rank = (criticality: Criticality): number => CRITICALITIES.indexOf(criticality);

/** Decides the class: the wish when the entitlement reaches it, without a wish `critical`, or `sheddable-plus` for batch
 *  credentials, never above the entitlement. A wish is never raised or lowered.
 *  @throws AppError criticality_forbidden — the wish is above the entitlement and no override is in force */
export function grantCriticality(
  wished: Criticality | undefined,
  principal: Pick<Principal, 'entitlements'>,
  hasOverride: boolean,
): GrantedCriticality {
  const { maxCriticality, batch } = principal.entitlements;
  if (wished === undefined) {
    const usual: Criticality = batch ? 'sheddable-plus' : 'critical';
    return { criticality: rank(usual) < rank(maxCriticality) ? maxCriticality : usual, byOverride: false };
  }
  if (rank(wished) >= rank(maxCriticality)) return { criticality: wished, byOverride: false };
  if (hasOverride) return { criticality: wished, byOverride: true };
  throw new AppError(
    'criticality_forbidden',
    `This credential may ask for ${maxCriticality} at most, not ${wished}. Ask for less, or request an override.`,
    { param: 'aip.criticality' },
  );
}
