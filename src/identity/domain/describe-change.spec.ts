import { describe, expect, it } from '@jest/globals';

import { describeChange } from './describe-change.js';

describe('describeChange', () => {
  it('names what changed, sorted, with both values', () => {
    const before = { id: '1', orgId: 'o', version: 1, name: 'a', teamId: null, roles: [{ role: 'lead' }] };
    const after = { ...before, version: 2, teamId: 't', name: 'b' };
    expect(describeChange(before, after)).toEqual({
      fields: ['name', 'teamId'],
      old: { name: 'a', teamId: null },
      new: { name: 'b', teamId: 't' },
    });
  });

  it('takes every member of a new object for changed, but not its identity', () => {
    expect(describeChange(undefined, { id: '1', orgId: 'o', version: 1, name: 'a', email: undefined })).toEqual({
      fields: ['name'],
      old: {},
      new: { name: 'a' },
    });
  });
});
