import { describe, expect, it } from '@jest/globals';

import { aDeployment, CAPABLE } from '../../../test/support/routing-builders.js';
import { choosePool, type PoolSources } from './model-pool.js';

const simulated = { simulated: true, network: 'simulated' } as const;
const DEPLOYMENTS = [
  aDeployment({ model: 'real' }),
  aDeployment({ model: 'both' }),
  aDeployment({ model: 'both', ...simulated }),
  aDeployment({ model: 'sim', ...simulated }),
  aDeployment({ model: 'vectors', capabilities: { ...CAPABLE, operations: ['embeddings'] } }),
];

const pool = (fields: Partial<PoolSources>) =>
  choosePool({
    operation: 'chat',
    model: 'auto',
    fallbacks: [],
    policy: { aliases: { fast: ['sim', 'gone', 'real'], empty: ['gone'] }, autoModels: null },
    allModels: ['both', 'real', 'sim', 'vectors'],
    deploymentsOf: (model) => DEPLOYMENTS.filter((one) => one.model === model),
    entitledSimulated: null,
    ...fields,
  });

describe('choosePool', () => {
  it('takes every chat model for auto, or those of the policy', () => {
    expect(pool({})).toEqual({ mode: 'route', models: ['both', 'real', 'sim'], ordered: false, simulated: false });
    expect(pool({ model: 'auto/code', policy: { aliases: {}, autoModels: ['real', 'gone'] } }).models).toEqual([
      'real',
    ]);
  });

  it('pins a named model with the fallbacks that were named', () => {
    expect(pool({ model: 'real' })).toEqual({ mode: 'pinned', models: ['real'], ordered: true, simulated: false });
    expect(pool({ model: 'real', fallbacks: ['sim', 'both', 'real'] }).models).toEqual(['real', 'sim', 'both']);
  });

  it('resolves an alias to what is served of its list', () => {
    expect(pool({ model: 'fast' }).models).toEqual(['sim', 'real']);
  });

  it('says when nobody serves a name', () => {
    for (const model of ['gone', 'empty', 'constructor']) expect(() => pool({ model })).toThrow(/no model/);
    expect(() => pool({ model: 'real', fallbacks: ['gone'] })).toThrow(/no model gone/);
  });

  it('never changes the model of embeddings', () => {
    expect(() => pool({ operation: 'embeddings' })).toThrow(/named model/);
    expect(pool({ operation: 'embeddings', model: 'vectors', fallbacks: ['real'] }).models).toEqual(['vectors']);
  });

  it('decides for one world: the credential’s, else simulated only where nothing else exists', () => {
    expect(pool({ model: 'sim' }).simulated).toBe(true);
    expect(pool({ model: 'both' }).simulated).toBe(false);
    expect(pool({ model: 'sim', fallbacks: ['real'] }).simulated).toBe(true);
    expect(pool({ model: 'both', entitledSimulated: true }).simulated).toBe(true);
    expect(pool({ model: 'sim', entitledSimulated: false }).simulated).toBe(false);
  });
});
