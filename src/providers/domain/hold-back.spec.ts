import { describe, expect, it } from '@jest/globals';

import type { ChunkProgress, Emission } from '../adapters/adapter.js';
import { HoldBack, type CommitOn } from './hold-back.js';

const chunk = (progress: ChunkProgress): Emission =>
  ({ kind: 'chunk', chunk: { choices: [] }, raw: null, progress }) as unknown as Emission;

const fed = (commitOn: CommitOn, ...kinds: readonly ChunkProgress[]): HoldBack => {
  const held = new HoldBack(commitOn);
  for (const kind of kinds) held.add(chunk(kind), kind);
  return held;
};

describe('HoldBack', () => {
  it('lets nothing leave before the first valid delta', () => {
    expect(fed('any', 'none', 'none').isReady).toBe(false);
    expect(fed('any', 'none', 'content').isReady).toBe(true);
  });

  it('counts reasoning as a delta, unless content is asked for', () => {
    expect(fed('any', 'reasoning').isReady).toBe(true);
    expect(fed('content', 'reasoning', 'reasoning').isReady).toBe(false);
    expect(fed('content', 'reasoning', 'content').isReady).toBe(true);
  });

  it('holds a whole answer until its end, whatever its size', () => {
    const held = fed('end', 'none', 'content', 'content');
    expect(held.makesSense(1024 * 1024)).toBe(true);
    expect(held.isReady).toBe(false);
    held.add({ kind: 'done' }, 'none');
    expect(held.isReady).toBe(true);
    expect(held.release()).toHaveLength(4);
  });

  it('gives back what was held in order, once', () => {
    const held = fed('any', 'none', 'content');
    expect(held.release()).toHaveLength(2);
    expect(held.release()).toHaveLength(0);
  });

  it('is ready at the end of an empty answer', () => {
    const held = new HoldBack('content');
    held.add({ kind: 'done' }, 'none');
    expect(held.isReady).toBe(true);
  });

  it.each([
    ['64 events', 65, 1],
    ['256 KiB', 2, 150 * 1024],
  ])('holds %s and no more', (_name, events, bytes) => {
    const silent = new HoldBack('any');
    const thinking = new HoldBack('content');
    let sense = true;
    for (let count = 0; count < events; count += 1) {
      expect(sense).toBe(true);
      silent.add(chunk('none'), 'none');
      thinking.add(chunk('reasoning'), 'reasoning');
      sense = silent.makesSense(bytes);
      // Reasoning is worth something: it is let go instead.
      expect(thinking.makesSense(bytes)).toBe(true);
    }
    expect(sense).toBe(false);
    expect(thinking.isReady).toBe(true);
  });
});
