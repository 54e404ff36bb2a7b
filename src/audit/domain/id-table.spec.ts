import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { IdTable } from './id-table.js';

describe('IdTable', () => {
  it('knows flags and first place of each text, as a map would', () => {
    const operation = fc.record({ id: fc.nat({ max: 3_000 }), flags: fc.integer({ min: 1, max: 127 }), n: fc.nat() });
    fc.assert(
      fc.property(fc.array(operation, { minLength: 0, maxLength: 4_000, size: 'max' }), (operations) => {
        const table = new IdTable();
        const model = new Map<number, { flags: number; n: number }>();
        for (const { id, flags, n } of operations) {
          const known = model.get(id);
          expect(table.mark(String(id), flags, { lane: 7, n })).toBe(known?.flags ?? 0);
          model.set(id, { flags: (known?.flags ?? 0) | flags, n: known?.n ?? n });
        }
        expect(table.size).toBe(model.size);
        const listed = [...table.entries()].map(
          ({ flags, lane, n }) => `${String(flags)} ${String(lane)} ${String(n)}`,
        );
        const expected = [...model.values()].map(({ flags, n }) => `${String(flags)} 7 ${String(n)}`);
        expect(listed.sort()).toEqual(expected.sort());
      }),
      { numRuns: 10 },
    );
  });
});
