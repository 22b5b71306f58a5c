// Assertions of two schemas as those of one: what is valid under both.

import { isObject, type JsonType, type SchemaObject } from './schema-keywords.ts';

/** How two values of a keyword become one. The value of any other keyword is a schema, and both schemas hold. */
const MERGED: Readonly<Record<string, (a: never, b: never) => unknown>> = {
  type: commonTypes,
  enum: (a: readonly unknown[], b: readonly unknown[]) => a.filter((one) => b.some((other) => isEqual(one, other))),
  required: both,
  pattern: both,
  format: both,
  multipleOf: both,
  minProperties: most,
  minItems: most,
  minLength: most,
  minimum: most,
  exclusiveMinimum: most,
  maxProperties: least,
  maxItems: least,
  maxLength: least,
  maximum: least,
  exclusiveMaximum: least,
  uniqueItems: (a: unknown, b: unknown) => a === true || b === true,
  patternProperties: (a: SchemaObject, b: SchemaObject) => everyProperty(a, b, (one, other) => allOf(one, other)),
};

/**
 * The schema of values that are valid under two schemas without references and choices.
 * @returns null where nothing is
 */
export function merge(a: SchemaObject, b: SchemaObject): SchemaObject | null {
  const merged: Record<string, unknown> = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    const other = a[keyword];
    const join = MERGED[keyword];
    merged[keyword] = other === undefined ? value : join ? join(other as never, value as never) : allOf(other, value);
  }
  if (a['properties'] !== undefined || b['properties'] !== undefined) merged['properties'] = mergedProperties(a, b);
  if (Array.isArray(a['prefixItems']) || Array.isArray(b['prefixItems'])) merged['prefixItems'] = mergedItems(a, b);
  const empty = (keyword: string) => Array.isArray(merged[keyword]) && merged[keyword].length === 0;
  return empty('type') || empty('enum') ? null : merged;
}

/** Properties that one schema names are additional ones of the other. */
function mergedProperties(a: SchemaObject, b: SchemaObject): SchemaObject {
  const named = (schema: SchemaObject) => (isObject(schema['properties']) ? schema['properties'] : {});
  const names = new Set([...Object.keys(named(a)), ...Object.keys(named(b))]);
  const of = (schema: SchemaObject, name: string) =>
    Object.hasOwn(named(schema), name) ? named(schema)[name] : (schema['additionalProperties'] ?? true);
  return Object.fromEntries(Array.from(names, (name) => [name, allOf(of(a, name), of(b, name))]));
}

/** First items that one schema lists are among the others of the other. */
function mergedItems(a: SchemaObject, b: SchemaObject): unknown[] {
  const listed = (schema: SchemaObject) => (Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : []);
  const of = (schema: SchemaObject, index: number): unknown => listed(schema)[index] ?? schema['items'] ?? true;
  const length = Math.max(listed(a).length, listed(b).length);
  return Array.from({ length }, (_, index) => allOf(of(a, index), of(b, index)));
}

function everyProperty(a: SchemaObject, b: SchemaObject, join: (a: unknown, b: unknown) => unknown): SchemaObject {
  const shared = Object.entries(b).map(([name, value]) => [
    name,
    Object.hasOwn(a, name) ? join(a[name], value) : value,
  ]);
  return { ...a, ...(Object.fromEntries(shared) as SchemaObject) };
}

function allOf(a: unknown, b: unknown): unknown {
  if (a === true || isEqual(a, b)) return b;
  if (b === true) return a;
  return a === false || b === false ? false : { allOf: [a, b] };
}

function commonTypes(a: readonly JsonType[], b: readonly JsonType[]): JsonType[] {
  const isIn = (type: JsonType, list: readonly JsonType[]) =>
    list.includes(type) || (type === 'integer' && list.includes('number'));
  return [...new Set([...a.filter((type) => isIn(type, b)), ...b.filter((type) => isIn(type, a))])];
}

function both(a: unknown, b: unknown): unknown[] {
  return [...new Set([a, b].flat())];
}

function most(a: number, b: number): number {
  return Math.max(a, b);
}

function least(a: number, b: number): number {
  return Math.min(a, b);
}

/** Whether two values of JSON are the same. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, index) => isEqual(one, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isEqual(a[name], b[name]))
  );
}
