import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';

import { OPENAI_OPERATIONS, OPENAI_SCHEMAS } from './openai-shapes.js';
import { PROBLEM_SCHEMAS, refusalsOf } from './refusals.js';
import { operationIdOf, routeMarks, type RouteMark } from './route-marks.js';
import { SUMMARIES } from './summaries.js';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
const DESCRIPTION =
  'One gateway between investigative systems and many AI partners. /v1 speaks the OpenAI format; /api is administration and ' +
  'reporting. Money is a decimal string with its currency, never a number. Instants are RFC 3339 in UTC.';

type Paths = OpenAPIObject['paths'];
type PathItem = Paths[string];
type Operation = NonNullable<PathItem['get']>;
type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

const GENERATED_NAME = /__schema(\d+)/g;

/** A zod schema as the JSON Schema of OpenAPI 3.1: named schemas become components. What JSON cannot say stays open. */
function convertZod(
  schema: unknown,
  { schemaType }: { readonly schemaType: 'input' | 'output' },
): { schema: unknown; components: Schemas } {
  const zod = schema as z.ZodType;
  const made = JSON.stringify(z.toJSONSchema(zod, { io: schemaType, unrepresentable: 'any' }));
  // Parts without a name are counted anew in each schema: two of them must not become one component.
  const owner = zod.meta()?.id ?? 'Part';
  const {
    $schema: _dialect,
    $defs,
    ...json
  } = JSON.parse(made.replaceAll(GENERATED_NAME, `${owner}$1`)) as {
    readonly $schema?: string;
    readonly $defs?: Schemas;
  };
  return { schema: json, components: $defs ?? {} };
}

/** The OpenAPI 3.1.0 document of all routes, with sorted paths: equal code gives an equal document. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const base = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('AI Partners')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A virtual key (aip_…) or an access token' })
    .build();
  const document = SwaggerModule.createDocument(app, base, {
    operationIdFactory: operationIdOf,
    standardSchemaConverter: convertZod,
  });
  const marks = routeMarks(app);
  const paths = Object.entries(document.paths)
    .map(([path, item]) => [namedWildcard(path), describeItem(namedWildcard(path), item, marks)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: {
      ...document.components,
      schemas: { ...document.components?.schemas, ...(OPENAI_SCHEMAS as Schemas), ...(PROBLEM_SCHEMAS as Schemas) },
    },
  };
}

/** A model's name may hold slashes, so its route ends in a wildcard; the document calls it by its name. */
function namedWildcard(path: string): string {
  return path.replace(/\{path\}|\{\*\}|\*\w*$/, '{model}');
}

function describeItem(path: string, item: PathItem, marks: ReadonlyMap<string, RouteMark>): PathItem {
  const described: PathItem = { ...item };
  for (const method of METHODS) {
    const operation = item[method];
    if (operation !== undefined) described[method] = describe(path, operation, marks.get(operation.operationId ?? ''));
  }
  return described;
}

function describe(path: string, operation: Operation, mark: RouteMark | undefined): Operation {
  const shape = OPENAI_OPERATIONS[operation.operationId ?? ''] as Partial<Operation> | undefined;
  const isPublic = mark?.isPublic === true;
  return {
    ...operation,
    summary: summaryOf(operation),
    ...shape,
    parameters: parametersOf(operation, mark),
    responses: {
      ...successesOf(operation.responses),
      ...shape?.responses,
      ...(refusalsOf(path, isPublic) as Operation['responses']),
    },
    security: isPublic ? [] : [{ bearer: [] }],
    ...(isPublic ? {} : { 'x-aip-permission': mark?.anyOf }),
  };
}

function summaryOf({ summary, operationId }: Operation): string {
  return summary !== undefined && summary !== '' ? summary : (SUMMARIES[operationId ?? ''] ?? '');
}

const IF_MATCH = {
  name: 'If-Match',
  in: 'header' as const,
  required: true,
  description: 'The version you read, quoted',
  schema: { type: 'string', pattern: '^"\\d{1,15}"$', example: '"3"' },
};

/** Parameters by their public names: the wildcard is a model, and `If-Match`, which the generator leaves out, is there. */
function parametersOf(operation: Operation, mark: RouteMark | undefined): NonNullable<Operation['parameters']> {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    !('$ref' in parameter) && parameter.in === 'path' && ['path', '*'].includes(parameter.name)
      ? { ...parameter, name: 'model' }
      : parameter,
  );
  return mark?.isConditional === true ? [...parameters, IF_MATCH] : parameters;
}

/** Successes in words where the controller says nothing but the status. */
function successesOf(responses: Operation['responses']): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      response !== undefined && 'description' in response && response.description === ''
        ? {
            ...response,
            description: status === '204' ? 'Done; there is nothing to say' : 'Done; the answer is the object',
          }
        : response,
    ]),
  );
}
