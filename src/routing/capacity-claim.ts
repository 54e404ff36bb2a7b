import type { AttemptClaim, AttemptPermit } from '../providers/index.js';

/** A permit taken while a call was planned. It is given back exactly once: by the attempt that used it, or at its disposal. */
export class CapacityClaim implements AttemptClaim {
  #permit: AttemptPermit | undefined;

  constructor(
    readonly deploymentId: string,
    permit: AttemptPermit,
  ) {
    this.#permit = permit;
  }

  /** The permit, when it is still here and was taken for this deployment and one of these credentials; else it is given back. */
  redeem(deploymentId: string, credentialIds: readonly (string | null)[]): AttemptPermit | null {
    const permit = this.#permit;
    if (permit === undefined) return null;
    this.#permit = undefined;
    if (deploymentId === this.deploymentId && credentialIds.includes(permit.credentialId)) return permit;
    permit.release();
    return null;
  }

  [Symbol.dispose](): void {
    this.#permit?.release();
    this.#permit = undefined;
  }
}
