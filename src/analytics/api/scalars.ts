import { CustomScalar, Scalar } from '@nestjs/graphql';
import { GraphQLError, Kind, type ValueNode } from 'graphql';

import { formatInstant } from '../../platform/clock/index.js';

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const INTEGER = /^-?\d{1,30}$/;

function textOf(node: ValueNode, what: string): string {
  if (node.kind === Kind.STRING) return node.value;
  throw new GraphQLError(`Write ${what} as a string.`, { nodes: node });
}

function instantMs(value: unknown): number {
  const ms = typeof value === 'string' && RFC3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new GraphQLError('An instant is RFC 3339 with a zone, for example 2026-11-22T15:00:00Z.');
  return ms;
}

/** Marker class: instants travel as milliseconds inside, as RFC 3339 text outside. */
export class Instant {}

/** RFC 3339, UTC, three decimals. */
@Scalar('DateTime', () => Instant)
export class DateTimeScalar implements CustomScalar<string, number> {
  description = 'An instant: RFC 3339, UTC, three decimals';

  serialize(value: unknown): string {
    return formatInstant(value as number);
  }

  parseValue(value: unknown): number {
    return instantMs(value);
  }

  parseLiteral(node: ValueNode): number {
    return instantMs(textOf(node, 'an instant'));
  }
}

/** Marker class of exact whole numbers. */
export class BigCount {}

/** Whole numbers of any size, as text. */
@Scalar('BigInt', () => BigCount)
export class BigIntScalar implements CustomScalar<string, bigint> {
  description = 'A whole number of any size, as a string';

  serialize(value: unknown): string {
    return String(value);
  }

  parseValue(value: unknown): bigint {
    if (typeof value === 'string' && INTEGER.test(value)) return BigInt(value);
    throw new GraphQLError('A BigInt is a string of digits.');
  }

  parseLiteral(node: ValueNode): bigint {
    return this.parseValue(node.kind === Kind.INT ? node.value : textOf(node, 'a BigInt'));
  }
}

/** Marker class of exact decimal numbers. */
export class DecimalText {}

/** Decimal numbers of exactly 12 decimals, as text. */
@Scalar('Decimal', () => DecimalText)
export class DecimalScalar implements CustomScalar<string, string> {
  description = 'An exact decimal number, as a string; amounts have 12 decimals';

  serialize(value: unknown): string {
    return String(value);
  }

  parseValue(value: unknown): string {
    if (typeof value === 'string') return value;
    throw new GraphQLError('A Decimal is a string, for example "12.50".');
  }

  parseLiteral(node: ValueNode): string {
    return textOf(node, 'a Decimal');
  }
}

/** Marker class of plain JSON. */
export class JsonValueType {}

/** Any JSON value, as it is; output only. */
@Scalar('JSON', () => JsonValueType)
export class JsonScalar implements CustomScalar<unknown, unknown> {
  description = 'Any JSON value';

  serialize(value: unknown): unknown {
    return value;
  }

  parseValue(): never {
    throw new GraphQLError('JSON is never an input.');
  }

  parseLiteral(): never {
    throw new GraphQLError('JSON is never an input.');
  }
}
