export type { Actor, SystemActor } from './actor.js';
export type { Directory } from './directory.js';
export type { Organisation, Team, User, VirtualKey } from './domain/directory-entries.js';
export { isWithinCriticality, isWithinTier } from './domain/key-policy.js';
export { ROLE_RIGHTS, type RoleBinding, type RoleRights } from './domain/role-permissions.js';
export { IdentityModule } from './identity.module.js';
export { IdentityService, type MintedToken } from './identity.service.js';
export { KeysService, type CreatedKey, type NewKey } from './keys.service.js';
export { UsersService, type NewUser, type OrganisationPatch, type Slice, type UserPatch } from './users.service.js';
