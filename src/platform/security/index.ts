export {
  CurrentPrincipal,
  PERMISSION_MARK,
  PUBLIC_MARK,
  Public,
  RequirePermission,
  requestOf,
  type Authenticated,
} from './marks.js';
export { PERMISSIONS, ROLES, type Permission, type Role } from './permissions.js';
export {
  CRITICALITIES,
  TIERS,
  type Attribution,
  type Criticality,
  type Entitlements,
  type Principal,
  type Tier,
} from './principal.js';
