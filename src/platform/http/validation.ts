import { type PipeTransform, StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';

import { AppError } from '../errors/index.js';

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  readonly code?: string;
}

const MAX_VIOLATIONS = 20;

function pathOf(issue: Issue): string {
  const keys = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${String(key)}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/** One refusal that names every broken rule, at most 20. */
export function invalidValue(issues: readonly Issue[]): AppError {
  const violations = issues.slice(0, MAX_VIOLATIONS).map((issue) => ({
    field: pathOf(issue),
    rule: issue.code ?? 'invalid',
    message: issue.message,
  }));
  const [first] = violations;
  const where = first === undefined || first.field === '' ? 'The input' : first.field;
  return new AppError('invalid_value', `${where}: ${first?.message ?? 'is not valid'}`, {
    violations,
    ...(first !== undefined && first.field !== '' ? { param: first.field } : {}),
  });
}

/** Parses with a schema, for resolvers and everything that is no Nest parameter. @throws AppError invalid_value */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidValue(result.error.issues);
}

/** The one global pipe: `@Body({ schema })`, `@Query({ schema })` are parsed and refused with every broken rule. */
export function validationPipe(): PipeTransform {
  return new StandardSchemaValidationPipe({ exceptionFactory: invalidValue });
}
