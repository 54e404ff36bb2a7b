import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  getNamedType,
  isInputObjectType,
  isObjectType,
  parse,
  validate,
  type GraphQLInputObjectType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql';

import { schemaText } from '../../src/docs/index.js';
import { expectCommitted } from '../support/committed-contract.js';
import { GatewayApp } from '../support/gateway-app.js';
import { NOT_SERVED, WIRE_DOCUMENTS } from '../support/wire-documents.js';

/** A member whose name says money. */
const MONEY = /(cost|amount|price|spent|posted|held|reserved|available|unconfirmed)$/i;

/** Members of a type that are JSON numbers, as `Type.member`. */
function numbersOf(type: GraphQLObjectType | GraphQLInputObjectType): string[] {
  const names: string[] = [];
  for (const [name, { type: fieldType }] of Object.entries(type.getFields())) {
    if (['Float', 'Int'].includes(getNamedType(fieldType as GraphQLType).name)) names.push(`${type.name}.${name}`);
  }
  return names;
}

let gateway: GatewayApp;
let text: string;
let schema: GraphQLSchema;

beforeAll(async () => {
  gateway = await GatewayApp.start();
  text = schemaText(gateway.app);
  schema = buildSchema(text);
});

afterAll(async () => {
  await gateway.stop();
});

describe('the GraphQL schema', () => {
  it('the committed contract equals what the code serves', () => {
    expectCommitted('docs/schema.graphql', text);
  });

  it('has no number-typed money', () => {
    const money = schema.getType('Money');
    if (!isObjectType(money)) throw new Error('There is no type Money');
    expect(String(money.getFields()['amount']?.type)).toBe('Decimal!');
    const wrong = Object.values(schema.getTypeMap())
      .filter(({ name }) => !name.startsWith('__'))
      .flatMap((type) => (isObjectType(type) || isInputObjectType(type) ? numbersOf(type) : []))
      .filter((name) => MONEY.test(name));
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(WIRE_DOCUMENTS))('accepts the published document %s', (name, document) => {
    const missing = validate(schema, parse(document)).map(({ message }) => message.replace(/ Did you mean.*$/, ''));
    expect(missing).toEqual(NOT_SERVED[name as keyof typeof WIRE_DOCUMENTS] ?? []);
  });
});
