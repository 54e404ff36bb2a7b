import type { DeploymentView, WireRequest } from '../adapter.js';

/** Bedrock has nothing on this host that can be asked without being billed. */
export function probe(_deployment: DeploymentView): WireRequest | null {
  return null;
}
