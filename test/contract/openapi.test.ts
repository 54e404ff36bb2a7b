import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';

import { openApiDocument } from '../../src/docs/index.js';
import { SUMMARIES } from '../../src/docs/summaries.js';
import { PERMISSIONS } from '../../src/platform/security/index.js';
import { expectCommitted } from '../support/committed-contract.js';
import { GatewayApp } from '../support/gateway-app.js';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, object>>;
  readonly 'x-aip-permission'?: readonly string[];
}

/** Operations that are not told who calls. */
const PUBLIC_PATHS = /^\/(health\/\w+|metrics|\.well-known\/[\w.-]+)$/;

let gateway: GatewayApp;
let document: OpenAPIObject;
let operations: readonly (readonly [string, Operation])[];

beforeAll(async () => {
  gateway = await GatewayApp.start();
  document = openApiDocument(gateway.app);
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  );
});

afterAll(async () => {
  await gateway.stop();
});

const without = (holds: (operation: Operation, name: string) => boolean): string[] =>
  operations.filter(([name, operation]) => !holds(operation, name)).map(([name]) => name);

describe('the OpenAPI document', () => {
  it('the committed contract equals what the code serves', () => {
    expectCommitted('docs/openapi.json', `${JSON.stringify(document, null, 2)}\n`);
  });

  it('is version 3.1.0 and covers both surfaces', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/chat/completions', '/v1/models/{model}', '/api/budgets', '/api/quotas/check']),
    );
  });

  it('every operation has a summary', () => {
    expect(without(({ summary }) => summary !== undefined && summary !== '')).toEqual([]);
  });

  it('summaries are kept for operations that exist', () => {
    const ids = new Set(operations.map(([, { operationId }]) => operationId));
    expect(Object.keys(SUMMARIES).filter((id) => !ids.has(id))).toEqual([]);
  });

  it('every operation names its permission, or is public', () => {
    const known: ReadonlySet<string> = new Set(PERMISSIONS);
    expect(
      without((operation, name) => {
        const marked = operation['x-aip-permission'];
        if (marked === undefined) return operation.security.length === 0 && PUBLIC_PATHS.test(name.split(' ')[1] ?? '');
        return operation.security.length === 1 && marked.length > 0 && marked.every((one) => known.has(one));
      }),
    ).toEqual([]);
  });

  it('every operation has its own id, names every part of its path and says how it refuses', () => {
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
    expect(
      without(({ parameters }, name) => {
        const named = parameters.filter((one) => one.in === 'path').map((one) => one.name);
        const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, part]) => part);
        return named.length === inPath.length && inPath.every((part) => part !== undefined && named.includes(part));
      }),
    ).toEqual([]);
    expect(without(({ responses }) => 'default' in responses)).toEqual([]);
  });

  it('every change of an object that has a version asks for If-Match', () => {
    const conditional = operations.filter(([, { parameters }]) => parameters.some(({ name }) => name === 'If-Match'));
    expect(conditional.map(([name]) => name)).toEqual(
      expect.arrayContaining(['PATCH /api/budgets/{id}', 'PATCH /api/quotas/{id}', 'PATCH /api/providers/{id}']),
    );
  });

  it('every request body has a schema with members', () => {
    expect(
      without(({ requestBody }) =>
        Object.values(requestBody?.content ?? {}).every(
          ({ schema }) => schema !== undefined && Object.keys(schema).length > 0,
        ),
      ),
    ).toEqual([]);
    const bodies = operations.filter(([, { requestBody }]) => requestBody !== undefined);
    expect(bodies.length).toBeGreaterThan(20);
  });

  it('refers only to what it defines', () => {
    const defined = new Set(
      Object.keys(document.components?.schemas ?? {}).map((name) => `#/components/schemas/${name}`),
    );
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target);
    expect(references.filter((target) => target === undefined || !defined.has(target))).toEqual([]);
  });
});

describe('/docs', () => {
  it('serves the document, the schema and the page to anyone, from this process alone', async () => {
    const served = await gateway.api<OpenAPIObject>('GET', '/docs/openapi.json', undefined);
    expect([served.status, served.json()]).toEqual([200, JSON.parse(JSON.stringify(document))]);
    const schema = await gateway.api('GET', '/docs/schema.graphql', undefined);
    expect([schema.status, schema.text]).toEqual([200, expect.stringContaining('type Query {')]);
    const page = await gateway.api('GET', '/docs', undefined);
    expect([page.status, page.headers['content-type']]).toEqual([200, expect.stringContaining('text/html')]);
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
    expect(sources.length).toBeGreaterThan(2);
    expect(sources.filter((source) => /^(https?:)?\/\//.test(source))).toEqual([]);
    for (const source of sources) {
      const asset = await gateway.api('GET', new URL(source, `${gateway.url}/docs`).pathname, undefined);
      expect([source, asset.status]).toEqual([source, 200]);
    }
  });
});
