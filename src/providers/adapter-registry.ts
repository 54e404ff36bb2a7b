import type { Adapter } from './adapters/adapter.js';
import type { Deployment } from './domain/deployment.js';

/** The translators of this release, one per dialect and operation. */
export class AdapterRegistry {
  readonly #adapters: ReadonlyMap<string, Adapter>;

  constructor(adapters: readonly Adapter[]) {
    this.#adapters = new Map(adapters.map((adapter) => [`${adapter.to} ${adapter.operation}`, adapter]));
  }

  /** The translator for a deployment, or `undefined` when its dialect does not know the operation. */
  find(deployment: Pick<Deployment, 'dialect'>, operation: 'chat' | 'embeddings'): Adapter | undefined {
    return this.#adapters.get(`${deployment.dialect} ${operation}`);
  }

  /** @throws Error — planning let a deployment through that cannot do this */
  require(deployment: Pick<Deployment, 'dialect' | 'id'>, operation: 'chat' | 'embeddings'): Adapter {
    const adapter = this.find(deployment, operation);
    if (adapter === undefined) throw new Error(`Deployment ${deployment.id} cannot do ${operation}`);
    return adapter;
  }
}
