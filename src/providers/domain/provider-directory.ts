import type { StoredCredential } from './credential.js';
import type { Deployment } from './deployment.js';

/** All deployments of one configuration snapshot, disabled ones included, removed ones not. Immutable. */
export class ProviderDirectory {
  readonly #byModel: ReadonlyMap<string, readonly Deployment[]>;
  readonly #byId: ReadonlyMap<string, Deployment>;
  readonly #models: readonly string[];

  constructor(
    /** Sorted by id. */
    readonly deployments: readonly Deployment[],
    /** By id, still sealed. For this module only. */
    readonly credentials: ReadonlyMap<string, StoredCredential> = new Map(),
    /** Header of scheme `header`, by provider id. */
    readonly authHeaders: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#byId = new Map(deployments.map((deployment) => [deployment.id, deployment]));
    this.#byModel = Map.groupBy(deployments, ({ model }) => model);
    this.#models = [...this.#byModel.keys()].sort();
  }

  /** Every deployment of a public model name, whatever its state; empty for a name nobody serves. */
  byModel(model: string): readonly Deployment[] {
    return this.#byModel.get(model) ?? [];
  }

  byId(id: string): Deployment | undefined {
    return this.#byId.get(id);
  }

  /** Public names, sorted. */
  models(): readonly string[] {
    return this.#models;
  }
}
