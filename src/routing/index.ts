export { CapacityBoard } from './capacity-board.js';
export type { BreakerState } from './domain/breaker.js';
export type { BreakerChange, CapacityLane, CapacityLimit, DeploymentCapacity } from './domain/deployment-capacity.js';
export {
  REASONS,
  type Basis,
  type CandidateVerdict,
  type DecisionDigest,
  type DeploymentVerdict,
  type Mode,
  type Ranked,
  type ReasonCode,
  type Rejection,
  type RouteDecision,
  type Task,
  type TaskSource,
} from './domain/route-decision.js';
export { allowedPlaces } from './domain/filter-candidates.js';
export { DEFAULT_POLICY_BODY, type RoutePolicy, type RoutePolicyBody } from './domain/route-policy.js';
export type { RequestFacts, RoutingWish } from './domain/route-request.js';
export { TASKS } from './domain/task.js';
export { ExplainService, type ExplainRequest } from './explain.service.js';
export type { DecisionRow } from './persistence/route-decision.repository.js';
export { RoutingPoliciesService } from './routing-policies.service.js';
export { RoutingModule } from './routing.module.js';
export { RoutingService, type Placement, type RouteWish } from './routing.service.js';
