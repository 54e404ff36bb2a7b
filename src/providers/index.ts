export type { Capabilities, CapabilityGap, DeploymentView, Emission, LimitObservation } from './adapters/adapter.js';
export type { UpstreamFailure } from './adapters/failure.js';
export { choicesOf } from './adapters/fan-out.js';
export type { TokenUsage } from './adapters/usage.js';
export { ForgetfulObserver } from './forgetful-observer.js';
export {
  AttemptGate,
  AttemptObserver,
  type AttemptAsk,
  type AttemptClaim,
  type AttemptPermit,
  type AttemptRefusal,
} from './attempt-gate.js';
export {
  ATTEMPT_OUTCOMES,
  servingAttempt,
  type AttemptOutcome,
  type AttemptRecord,
  type UsageSource,
} from './domain/attempt.js';
export { checkedConnector, ConnectionRefusedByGuard, type AddressJudge, type ResolveAll } from './checked-connector.js';
export { classifyAddress } from './domain/address-guard.js';
export { contains, parseAddress, parseCidr, type Cidr } from './domain/ip-address.js';
export type { CallInput, CallLoad, CallRules, HedgeRule } from './domain/call.js';
export { claimedValues, processesWithin, type Claim } from './domain/claim.js';
export type { Deployment, DeploymentLimits, DeploymentTimers, Network, State } from './domain/deployment.js';
export { ProviderDirectory } from './domain/provider-directory.js';
export { CallerGoneError, TornStreamError } from './domain/torn-stream.error.js';
export { addUsage, toOpenAiUsage } from './adapters/usage.js';
export { ModelReferences } from './model-references.js';
export { ProviderAdminService } from './provider-admin.service.js';
export { ProviderCall } from './provider-call.js';
export type { ProbeResult } from './provider-probe.js';
export { ProvidersModule } from './providers.module.js';
export { ProvidersService } from './providers.service.js';
export { SimulatedOrigins } from './simulated-origins.js';
export { formatFault, parseFault, type ActiveFault, type FaultBoard } from './simulation/faults.js';
export { SIMULATED_PARTNERS } from './simulation/partners.js';
export { baseUrlOf, KNOWN_VENDORS, vendorOf, type Vendor, type VendorPlaces } from './domain/vendors.js';
export { SimulatedPartners } from './simulation/simulated-partners.js';
