import type { INestApplicationContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';

import { PERMISSION_MARK, PUBLIC_MARK, type Permission } from '../platform/security/index.js';

/** Who may call an operation: anyone, or whoever holds at least one of `anyOf`. */
export interface RouteMark {
  readonly isPublic: boolean;
  readonly anyOf: readonly Permission[];
  /** True when it takes `If-Match`. */
  readonly isConditional: boolean;
}

/** Name of an operation: `providers_create` for `ProvidersController.create`. */
export const operationIdOf = (controller: string, method: string): string =>
  `${controller.charAt(0).toLowerCase()}${controller.slice(1).replace(/Controller$/, '')}_${method}`;

function markOf(controller: object, name: string, method: object): RouteMark {
  const read = (key: string): unknown => Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, controller);
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Readonly<
    Record<string, { readonly data?: unknown }>
  >;
  return {
    isPublic: read(PUBLIC_MARK) === true,
    anyOf: (read(PERMISSION_MARK) as readonly Permission[] | undefined) ?? [],
    isConditional: Object.entries(parameters).some(
      ([key, { data }]) => key.startsWith(`${String(RouteParamtypes.HEADERS)}:`) && data === 'if-match',
    ),
  };
}

/** The marks of all methods of all controllers, by {@link operationIdOf}. */
export function routeMarks(app: INestApplicationContext): ReadonlyMap<string, RouteMark> {
  const scanner = new MetadataScanner();
  const marks = new Map<string, RouteMark>();
  for (const { controllers } of app.get(ModulesContainer).values()) {
    for (const { metatype } of controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Readonly<Record<string, object>>;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const method = prototype[name];
        if (method !== undefined) marks.set(operationIdOf(metatype.name, name), markOf(metatype, name, method));
      }
    }
  }
  return marks;
}
