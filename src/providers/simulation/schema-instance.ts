import { seededRandom } from '../../platform/ids/index.js';

import { isJsonObject, type JsonObject } from './json-object.js';
import { patternSample } from './pattern-sample.js';
import { SIMULATED_MARK } from './text-generator.js';

const MAX_DEPTH = 16;
const MAX_NODES = 2_000;
const MAX_TEXT = 4_096;
const MAX_ITEMS = 64;
const COMBINED = new Set(['anyOf', 'oneOf', 'allOf']);
const FIXED = ['enum', 'const', 'pattern', 'format', 'maxLength', 'maximum', 'exclusiveMaximum'];

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2026-03-14T09:26:53Z',
  date: '2026-03-14',
  time: '09:26:53Z',
  duration: 'P3D',
  email: 'simulated@example.org',
  hostname: 'simulated.example.org',
  ipv4: '192.0.2.10',
  ipv6: '2001:db8::10',
  uri: 'https://example.org/simulated',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/** A value that the JSON Schema accepts, of bounded size whatever the schema says: 16 levels, 2 000 values, 64 items and
 *  4 096 characters each. Strings start with the mark of simulation where the schema lets them. Understands the keywords
 *  of structured outputs (`$ref` within the schema, `anyOf`, `oneOf`, `allOf`, `enum`, `const`, sizes, `pattern` of
 *  ordinary classes and repetitions, `format`); others are ignored. Equal schema and seed, equal value. */
export function schemaInstance(schema: unknown, seed: number): unknown {
  return new InstanceBuilder(schema, seededRandom(seed)).build(schema, 0);
}

class InstanceBuilder {
  #nodes = 0;

  constructor(
    private readonly root: unknown,
    private readonly random: () => number,
  ) {}

  build(given: unknown, depth: number): unknown {
    this.#nodes += 1;
    const schema = this.#resolve(given);
    if (schema === undefined || depth > MAX_DEPTH || this.#nodes > MAX_NODES) return null;
    if ('const' in schema) return schema['const'];
    const choices = schema['enum'];
    if (Array.isArray(choices) && choices.length > 0) return choices[Math.floor(this.random() * choices.length)];
    const branch = this.#branch(schema, depth);
    if (branch !== undefined) return this.build(branch, depth + 1);
    return this.#typed(schema, depth);
  }

  #typed(schema: JsonObject, depth: number): unknown {
    switch (typeOf(schema)) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return this.#array(schema, depth);
      case 'string':
        return stringInstance(schema);
      case 'integer':
        return numberInstance(schema, 1);
      case 'number':
        return numberInstance(schema, 0.5);
      case 'boolean':
        return this.random() < 0.5;
      default:
        return null;
    }
  }

  #object(schema: JsonObject, depth: number): JsonObject {
    const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
    const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
    const entries: [string, unknown][] = [];
    for (const [name, property] of Object.entries(properties)) {
      const isOptional = !required.has(name);
      if (isOptional && (depth > 3 || this.#nodes > MAX_NODES / 4)) continue;
      entries.push([name, this.build(property, depth + 1)]);
    }
    for (const name of required) {
      if (typeof name === 'string' && !(name in properties)) entries.push([name, `${SIMULATED_MARK} ${name}`]);
    }
    return Object.fromEntries(entries);
  }

  #array(schema: JsonObject, depth: number): unknown[] {
    const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'].slice(0, MAX_ITEMS) : [];
    const items: unknown[] = prefix.map((item) => this.build(item, depth + 1));
    if (schema['items'] === false) return items;
    const least = whole(schema['minItems'], 0);
    const most = whole(schema['maxItems'], MAX_ITEMS);
    const wanted = Math.min(most, MAX_ITEMS, Math.max(least, depth > 4 ? 0 : 2));
    const seen = new Set(items.map((item) => JSON.stringify(item)));
    for (let attempt = 0; items.length < wanted && attempt < 4 * MAX_ITEMS; attempt += 1) {
      const item = distinct(this.build(schema['items'] ?? { type: 'string' }, depth + 1), attempt, schema);
      const key = JSON.stringify(item);
      if (schema['uniqueItems'] === true && seen.has(key)) continue;
      seen.add(key);
      items.push(item);
    }
    return items;
  }

  /** The schema to follow in place of `schema`: its first branch that is not null, its own keywords merged in. */
  #branch(schema: JsonObject, depth: number): JsonObject | undefined {
    const options = [schema['anyOf'], schema['oneOf']].find((value) => Array.isArray(value) && value.length > 0);
    const all = Array.isArray(schema['allOf']) ? schema['allOf'] : [];
    if (options === undefined && all.length === 0) return undefined;
    const own = Object.fromEntries(Object.entries(schema).filter(([name]) => !COMBINED.has(name)));
    const parts = all.slice(0, 16).map((part) => this.#resolve(part) ?? {});
    if (Array.isArray(options)) {
      const resolved = options.slice(0, 16).map((option) => this.#resolve(option) ?? {});
      const notNull = resolved.find(
        (option) => typeOf(option) !== 'null' && !(depth > 6 && typeOf(option) === 'object'),
      );
      parts.push(notNull ?? resolved.find((option) => typeOf(option) === 'null') ?? resolved[0] ?? {});
    }
    return parts.reduce(merge, own);
  }

  #resolve(given: unknown): JsonObject | undefined {
    let schema = given === true ? {} : given;
    for (let hop = 0; hop < MAX_DEPTH; hop += 1) {
      if (!isJsonObject(schema)) return undefined;
      const reference = schema['$ref'];
      if (typeof reference !== 'string') return schema;
      schema = this.#lookUp(reference);
    }
    return undefined;
  }

  #lookUp(reference: string): unknown {
    if (!reference.startsWith('#')) return {};
    let found: unknown = this.root;
    for (const part of reference.split('/').slice(1, MAX_DEPTH)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
      found = isJsonObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
    }
    return found;
  }
}

function typeOf(schema: JsonObject): string {
  const type: unknown = schema['type'];
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return String(type.find((name) => name !== 'null') ?? 'null');
  if ('properties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  if ('minimum' in schema || 'maximum' in schema || 'multipleOf' in schema) return 'number';
  return 'string';
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...left, ...right };
  const [mine, theirs] = [left['properties'], right['properties']];
  if (isJsonObject(mine) && isJsonObject(theirs)) merged['properties'] = { ...mine, ...theirs };
  const needed: unknown[] = [left['required'], right['required']].filter((value) => value !== undefined).flat();
  if (needed.length > 0) merged['required'] = needed;
  return merged;
}

function stringInstance(schema: JsonObject): string {
  const format = schema['format'];
  const pattern = schema['pattern'];
  const known = typeof format === 'string' ? FORMATS[format] : undefined;
  if (known !== undefined) return known;
  if (typeof pattern === 'string') {
    const sample = patternSample(pattern);
    if (sample !== undefined) return sample;
  }
  const least = Math.min(whole(schema['minLength'], 0), MAX_TEXT);
  const most = whole(schema['maxLength'], MAX_TEXT);
  return `${SIMULATED_MARK} value`.padEnd(least, '.').slice(0, most);
}

function numberInstance(schema: JsonObject, step: number): number {
  const stepBy = Math.abs(number(schema['multipleOf'], 0)) || step;
  const above = number(schema['exclusiveMinimum'], Number.NEGATIVE_INFINITY);
  const below = number(schema['exclusiveMaximum'], Number.POSITIVE_INFINITY);
  const least = Math.max(number(schema['minimum'], Number.NEGATIVE_INFINITY), above);
  const most = Math.min(number(schema['maximum'], Number.POSITIVE_INFINITY), below);
  const wanted = Math.min(Math.max(stepBy, least), most);
  let value = Math.ceil(wanted / stepBy) * stepBy;
  if (value <= above) value += stepBy;
  if (value > most || value >= below) value = Math.floor(wanted / stepBy) * stepBy;
  if (value < least || value <= above || value >= below) {
    return Number.isFinite(least) && Number.isFinite(most) ? (least + most) / 2 : wanted;
  }
  return value;
}

/** Makes the n-th item of a set differ from the one before, where the schema leaves room for it. */
function distinct(item: unknown, position: number, schema: JsonObject): unknown {
  if (schema['uniqueItems'] !== true || position === 0) return item;
  const inner = isJsonObject(schema['items']) ? schema['items'] : {};
  if (FIXED.some((keyword) => keyword in inner)) return item;
  if (typeof item === 'string') return `${item} ${String(position)}`;
  return typeof item === 'number' ? item + position * (Math.abs(number(inner['multipleOf'], 1)) || 1) : item;
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

function whole(value: unknown, otherwise: number): number {
  return Math.max(0, Math.floor(number(value, otherwise)));
}
