import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';

import { PERMISSION_MARK, PERMISSIONS, PUBLIC_MARK } from '../../src/platform/security/index.js';
import { GatewayApp } from '../support/gateway-app.js';

/** Metadata by which Nest knows a route, and by which its GraphQL package knows a resolver or a resolved field. */
const ROUTE = 'path';
const RESOLVER = 'graphql:resolver_type';
const FIELD = 'graphql:property';

interface Marked {
  readonly name: string;
  readonly anyOf: readonly string[] | undefined;
  readonly isPublic: boolean;
}

let gateway: GatewayApp;
let routes: readonly Marked[];
let resolvers: readonly Marked[];

function methodsOf(metatype: unknown, isEntry: (method: object) => boolean): Marked[] {
  if (typeof metatype !== 'function' || metatype.prototype === undefined) return [];
  const prototype = metatype.prototype as Record<string, object>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const method = prototype[name];
    if (method === undefined || !isEntry(method)) return [];
    const read = (key: string): unknown => Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, metatype);
    return [
      {
        name: `${metatype.name}.${name}`,
        anyOf: read(PERMISSION_MARK) as readonly string[] | undefined,
        isPublic: read(PUBLIC_MARK) === true,
      },
    ];
  });
}

beforeAll(async () => {
  gateway = await GatewayApp.start();
  const modules = [...gateway.app.get(ModulesContainer).values()];
  routes = modules.flatMap(({ controllers }) =>
    [...controllers.values()].flatMap(({ metatype }) =>
      methodsOf(metatype, (method) => Reflect.hasMetadata(ROUTE, method)),
    ),
  );
  resolvers = modules.flatMap(({ providers }) =>
    [...providers.values()].flatMap(({ metatype }) =>
      methodsOf(metatype, (method) => Reflect.hasMetadata(RESOLVER, method) && !Reflect.hasMetadata(FIELD, method)),
    ),
  );
});

afterAll(async () => {
  await gateway.stop();
});

describe('every route and every resolver', () => {
  it('is found by this test', () => {
    expect(routes.length).toBeGreaterThan(60);
    expect(resolvers.length).toBeGreaterThan(15);
  });

  it('demands a permission or is public', () => {
    const open = [...routes, ...resolvers].filter(({ anyOf, isPublic }) => (anyOf ?? []).length === 0 && !isPublic);
    expect(open.map(({ name }) => name)).toEqual([]);
  });

  it('never says both, and names only permissions that exist', () => {
    const known: ReadonlySet<string> = new Set(PERMISSIONS);
    const wrong = [...routes, ...resolvers].filter(
      ({ anyOf, isPublic }) => (isPublic && anyOf !== undefined) || (anyOf ?? []).some((one) => !known.has(one)),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it('is public only for health, metrics and what a verifier of tokens reads', () => {
    expect(
      [...routes, ...resolvers]
        .filter(({ isPublic }) => isPublic)
        .map(({ name }) => name.split('.')[0])
        .filter((name, index, all) => all.indexOf(name) === index)
        .sort(),
    ).toEqual(['HealthController', 'MetricsController', 'WellKnownController']);
  });

  it('refuses a caller without a credential', async () => {
    for (const path of ['/api/me', '/api/budgets', '/v1/models', '/api/providers']) {
      expect([path, (await gateway.api('GET', path, undefined)).status]).toEqual([path, 401]);
    }
  });
});
