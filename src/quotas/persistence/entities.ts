import { OverrideEntity } from './override.entity.js';
import { QuotaPolicyEntity } from './quota-policy.entity.js';

/** Rows of this module, for the data source. */
export const QUOTAS_ENTITIES = [QuotaPolicyEntity, OverrideEntity];
