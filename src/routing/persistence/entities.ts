import { RoutePolicyEntity } from './route-policy.entity.js';

/** Rows of this module, for the data source. */
export const ROUTING_ENTITIES = [RoutePolicyEntity];
