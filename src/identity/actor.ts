import type { Principal } from '../platform/security/index.js';

/** Whoever sits at the machine: the command line with `--local`, the first start, the demonstration. May do everything. */
export interface SystemActor {
  readonly kind: 'system';
  readonly orgId: string;
}

/** Who makes an administrative change. */
export type Actor = Principal | SystemActor;

/** The caller, or `null` for the machine's operator. */
export function callerOf(actor: Actor): Principal | null {
  return actor.kind === 'system' ? null : actor;
}
