import { DEFAULT_POLICY_BODY, type RoutePolicy, type RoutePolicyBody } from './route-policy.js';

/** The policy an organisation's requests are routed by, with its name for the record. */
export interface PolicyInForce {
  /** `<name>@<version>`. */
  readonly label: string;
  readonly body: RoutePolicyBody;
  /** Tasks that only this policy knows. */
  readonly ownTasks: ReadonlySet<string>;
}

const BUILT_IN: PolicyInForce = { label: 'built-in@1', body: DEFAULT_POLICY_BODY, ownTasks: new Set() };

/** Active policies of a snapshot, by organisation. Immutable. */
export class PolicyBook {
  readonly #byOrg: ReadonlyMap<string, PolicyInForce>;

  constructor(active: readonly RoutePolicy[]) {
    this.#byOrg = new Map(
      active.map(({ orgId, name, version, body }) => [
        orgId,
        { label: `${name}@${String(version)}`, body, ownTasks: new Set(Object.keys(body.taskDefaults)) },
      ]),
    );
  }

  /** The organisation's active policy, else the built-in one that allows everything. */
  of(orgId: string): PolicyInForce {
    return this.#byOrg.get(orgId) ?? BUILT_IN;
  }
}
