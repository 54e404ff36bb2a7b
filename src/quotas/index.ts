export { Admission } from './admission.js';
export { createQuotaInput, requestOverrideInput } from './quota-input.js';
export { grantCriticality, type GrantedCriticality } from './domain/criticality.js';
export { stateAt, type Override, type OverrideLimits, type OverrideState } from './domain/override.js';
export { holderOf, QuotaBook } from './domain/quota-book.js';
export { rateLimitHeaders, type QuotaReading } from './domain/quota-reading.js';
export {
  METRICS,
  SUBJECT_TYPES,
  type QuotaHolder,
  type QuotaMetric,
  type QuotaPolicy,
  type QuotaSubject,
  type SubjectType,
} from './domain/quota.js';
export { OverridesService, type OverrideRequest } from './overrides.service.js';
export { QuotaAdminService, type NewQuota, type QuotaPatch } from './quota-admin.service.js';
export { CapacityQueue } from './capacity-queue.js';
export { QuotasModule } from './quotas.module.js';
export { QuotasService, type AdmitRequest, type QuotaCheck } from './quotas.service.js';
