import { OrgEntity } from './org.entity.js';
import { RoleBindingEntity } from './role-binding.entity.js';
import { TeamEntity } from './team.entity.js';
import { UserEntity } from './user.entity.js';
import { VirtualKeyEntity } from './virtual-key.entity.js';

/** The rows of this module. */
export const IDENTITY_ENTITIES = [OrgEntity, TeamEntity, UserEntity, RoleBindingEntity, VirtualKeyEntity];
