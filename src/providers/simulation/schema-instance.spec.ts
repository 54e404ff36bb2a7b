import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';

import { patternSample } from './pattern-sample.js';
import { schemaInstance } from './schema-instance.js';

const ajv = new Ajv2020({ strict: false, validateFormats: false });

const SCHEMAS: readonly (readonly [string, object])[] = [
  [
    'an object with nested lists',
    {
      type: 'object',
      required: ['people', 'total', 'note'],
      additionalProperties: false,
      properties: {
        people: {
          type: 'array',
          minItems: 3,
          items: {
            type: 'object',
            required: ['name', 'age'],
            properties: { name: { type: 'string', minLength: 20 }, age: { type: 'integer', minimum: 18, maximum: 99 } },
          },
        },
        total: { type: 'number', exclusiveMinimum: 0, multipleOf: 0.25 },
        note: { type: ['string', 'null'], maxLength: 5 },
      },
    },
  ],
  ['a choice of constants', { enum: ['high', 'low'] }],
  [
    'a nullable branch',
    { anyOf: [{ type: 'null' }, { type: 'object', properties: { a: { const: 7 } }, required: ['a'] }] },
  ],
  [
    'joined parts',
    { allOf: [{ type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] }, { required: ['b'] }] },
  ],
  ['a set', { type: 'array', uniqueItems: true, minItems: 5, items: { type: 'integer', minimum: 3 } }],
  ['a pair', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, minItems: 2 }],
  ['a pattern', { type: 'string', pattern: '^[A-Z]{2}-\\d{4}(?:-(?:a|b))?$' }],
  ['limits that leave one value', { type: 'integer', exclusiveMinimum: 4, exclusiveMaximum: 6 }],
  ['a negative range', { type: 'number', maximum: -3 }],
  [
    'a recursive definition',
    {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          required: ['children'],
          properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } },
        },
      },
    },
  ],
];

describe('schemaInstance', () => {
  it.each(SCHEMAS)('makes a valid instance of %s', (_name, schema) => {
    for (let seed = 0; seed < 20; seed += 1) {
      const instance = schemaInstance(schema, seed);
      expect({ instance, valid: ajv.validate(schema, instance) }).toMatchObject({ valid: true });
    }
  });

  it('marks free strings as simulated', () => {
    expect(schemaInstance({ type: 'string' }, 1)).toMatch(/^\[SIMULATED\]/);
  });

  it('stays small whatever the schema demands', () => {
    const endless = { $ref: '#', type: 'object' };
    const wide = {
      type: 'array',
      minItems: 1e9,
      items: { type: 'array', minItems: 1e9, items: { type: 'array', minItems: 1e9 } },
    };
    const long = { type: 'string', minLength: 1e9 };
    for (const schema of [endless, wide, long]) {
      expect(JSON.stringify(schemaInstance(schema, 1)).length).toBeLessThan(200_000);
    }
  });

  it('never throws on any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (schema) => {
        schemaInstance(schema, 1);
      }),
    );
  });
});

describe('patternSample', () => {
  it.each(['^\\d{3}-[a-f0-9]+$', '^(foo|bar)baz*$', '[^abc]x', 'a{2,5}', '\\.[\\]x]', '^\\w+@\\w+\\.com$'])(
    'matches %s',
    (pattern) => {
      const sample = patternSample(pattern);
      expect(sample).toBeDefined();
      expect(sample).toMatch(new RegExp(pattern));
    },
  );

  it.each(['(?=a)b', '(a)\\1', '[', '(', 'a{9999}', '*'])('gives up on %s', (pattern) => {
    expect(patternSample(pattern)).toBeUndefined();
  });
});
