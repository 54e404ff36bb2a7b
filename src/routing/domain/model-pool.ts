import { AppError } from '../../platform/errors/index.js';
import type { Deployment } from '../../providers/index.js';
import type { RoutePolicyBody } from './route-policy.js';
import type { ModelPool } from './route-request.js';

/** Models that one request may name, fallbacks included. */
const MAX_NAMED = 8;

/** What is known about models when the pool is chosen. */
export interface PoolSources {
  readonly operation: 'chat' | 'embeddings';
  readonly model: string;
  /** The body's `models[]`. */
  readonly fallbacks: readonly string[];
  readonly policy: Pick<RoutePolicyBody, 'aliases' | 'autoModels'>;
  readonly allModels: readonly string[];
  deploymentsOf(model: string): readonly Deployment[];
  /** The credential's world; null: either. */
  readonly entitledSimulated: boolean | null;
}

/** True for `auto` and `auto/<task>`. */
export function isAuto(model: string): boolean {
  return model === 'auto' || model.startsWith('auto/');
}

function notFound(model: string): AppError {
  return new AppError(
    'model_not_found',
    `There is no model ${model.slice(0, 100)}. GET /v1/models lists what you may use.`,
    {
      param: 'model',
    },
  );
}

const onlySimulated = (deployments: readonly Deployment[]): boolean => deployments.every(({ simulated }) => simulated);

/** The credential decides the world; where it allows both, real partners win over simulated ones. */
function worldOf(sources: PoolSources, deciding: readonly Deployment[]): boolean {
  return sources.entitledSimulated ?? onlySimulated(deciding);
}

function autoPool(sources: PoolSources): ModelPool {
  if (sources.operation === 'embeddings') {
    throw new AppError('invalid_value', 'Embeddings need a named model: vectors of two models do not compare.', {
      param: 'model',
    });
  }
  const serves = (model: string): boolean =>
    sources.deploymentsOf(model).some(({ capabilities }) => capabilities.operations.includes('chat'));
  const models = [...new Set(sources.policy.autoModels ?? sources.allModels)].filter(serves).sort();
  if (models.length === 0) throw notFound(sources.model);
  const deployments = models.flatMap((model) => sources.deploymentsOf(model));
  return { mode: 'route', models, ordered: false, simulated: worldOf(sources, deployments) };
}

/** The models a request may end at. `auto` takes the policy's set, a name itself and the named fallbacks, an alias its list.
 *  @throws AppError model_not_found — nobody serves a name; invalid_value — `auto` for embeddings, too many fallbacks */
export function choosePool(sources: PoolSources): ModelPool {
  if (isAuto(sources.model)) return autoPool(sources);
  const fallbacks = sources.operation === 'embeddings' ? [] : sources.fallbacks;
  if (fallbacks.length > MAX_NAMED) {
    throw new AppError('invalid_value', `models may name at most ${String(MAX_NAMED)} fallbacks.`, { param: 'models' });
  }
  const models = [...new Set([sources.model, ...fallbacks].flatMap((name) => resolve(name, sources)))];
  const usable = sources.operation === 'embeddings' ? models.slice(0, 1) : models.slice(0, MAX_NAMED);
  const deciding = sources.deploymentsOf(usable[0] ?? '');
  return { mode: 'pinned', models: usable, ordered: true, simulated: worldOf(sources, deciding) };
}

function resolve(name: string, sources: PoolSources): readonly string[] {
  if (sources.deploymentsOf(name).length > 0) return [name];
  const aliased = Object.hasOwn(sources.policy.aliases, name) ? (sources.policy.aliases[name] ?? []) : [];
  const served = aliased.filter((model) => sources.deploymentsOf(model).length > 0);
  if (served.length === 0) throw notFound(name);
  return served;
}
