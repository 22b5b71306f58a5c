// JSON Schemas as they come from outside: what is read of them, and that nothing is passed over that would have changed
// what is valid. Older drafts and OpenAPI write some things differently; what is read has one form.

import { BambaError } from '../errors.ts';

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
export type SchemaObject = Readonly<Record<string, unknown>>;

const TYPES: readonly JsonType[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** They say nothing about which values are valid. */
const ANNOTATIONS = new Set(
  (
    '$schema $id id $comment $anchor $vocabulary $defs definitions title description default examples example ' +
    'deprecated readOnly writeOnly externalDocs xml discriminator contentEncoding contentMediaType contentSchema ' +
    'markdownDescription enumNames enumDescriptions errorMessage propertyOrdering'
  ).split(' '),
);

/** The assertions that are kept to, by the type they are about. */
const OF_TYPE: Readonly<Record<string, JsonType>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  unevaluatedProperties: 'object',
  patternProperties: 'object',
  propertyNames: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  additionalItems: 'array',
  unevaluatedItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  uniqueItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

/** The others; `format` is about strings and numbers. */
const OTHERS = ['type', 'nullable', 'enum', 'const', '$ref', 'anyOf', 'oneOf', 'allOf', 'if', 'then', 'else', 'format'];

/** A schema, taken apart. */
export interface SchemaParts {
  /** The assertions that need no other schema to be understood. */
  fields: SchemaObject;
  /** The part of the whole that is valid as well. */
  ref: string | null;
  /** Schemas that are valid as well. */
  all: readonly unknown[];
  /** Lists of schemas, of each of which one is valid as well. */
  choices: readonly (readonly unknown[])[];
  /** Whether null is valid besides. */
  nullable: boolean;
}

/**
 * The demands of a schema; null where nothing is valid.
 * @param path where it stands, for errors
 * @throws BambaError `setting_invalid` for what is no schema, and for keywords that cannot be kept to
 */
export function readSchema(schema: unknown, path: string): SchemaParts | null {
  if (schema === false) return null;
  if (schema === true) return { fields: {}, ref: null, all: [], choices: [], nullable: false };
  if (!isObject(schema)) throw invalid(path, 'this is no schema');
  if (isObject(schema['not']) && Object.keys(schema['not']).length === 0) return null;
  const refused = Object.keys(schema).find(
    (keyword) =>
      !ANNOTATIONS.has(keyword) &&
      !keyword.startsWith('x-') &&
      !Object.hasOwn(OF_TYPE, keyword) &&
      !OTHERS.includes(keyword),
  );
  if (refused !== undefined) {
    const known = [...OTHERS, ...Object.keys(OF_TYPE)].join(', ');
    throw invalid(path, `${JSON.stringify(refused)} cannot be kept to. There are: ${known}`);
  }
  const fields = readFields(schema, path);
  const nullable = schema['nullable'] === true;
  const typed = fields['type'] as JsonType[] | undefined;
  return {
    fields: nullable && typed ? { ...fields, type: [...new Set([...typed, 'null'])] } : fields,
    ref: readReference(schema['$ref'], path),
    all: [...readSchemas(schema, 'allOf', path), ...readCondition(schema, path)],
    choices: [readSchemas(schema, 'anyOf', path), readSchemas(schema, 'oneOf', path)].filter((list) => list.length > 0),
    nullable: nullable && !typed && fields['enum'] === undefined,
  };
}

function readFields(schema: SchemaObject, path: string): SchemaObject {
  const kept = Object.entries(schema).filter(([keyword]) => Object.hasOwn(OF_TYPE, keyword) || keyword === 'format');
  const fields: Record<string, unknown> = Object.fromEntries(kept);
  if (schema['type'] !== undefined) fields['type'] = listTypes(schema['type'], path);
  const values = schema['const'] === undefined ? schema['enum'] : [schema['const']];
  if (values !== undefined && !Array.isArray(values)) throw invalid(path, '"enum" takes a list');
  if (values !== undefined) fields['enum'] = values;
  // Before 2020, lists of first items were `items`, and the others `additionalItems`.
  const { items, additionalItems } = schema;
  delete fields['additionalItems'];
  if (Array.isArray(items)) {
    fields['prefixItems'] = items;
    delete fields['items'];
    if (additionalItems !== undefined) fields['items'] = additionalItems;
  }
  // In draft 4 and OpenAPI 3.0, whether bounds are exclusive stands beside them.
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof fields[exclusive] !== 'boolean') continue;
    const moved = fields[exclusive] ? fields[bound] : undefined;
    delete fields[exclusive];
    if (moved === undefined) continue;
    fields[exclusive] = moved;
    delete fields[bound];
  }
  return fields;
}

function readReference(ref: unknown, path: string): string | null {
  if (ref === undefined) return null;
  if (typeof ref === 'string' && /^#(\/|$)/.test(ref)) return ref;
  throw invalid(path, '"$ref" takes "#" or "#/...": a part of this schema');
}

function readSchemas(schema: SchemaObject, keyword: string, path: string): readonly unknown[] {
  const value = schema[keyword];
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0) throw invalid(path, `"${keyword}" takes a list of schemas`);
  return value;
}

/** Of a condition that always holds, or never, what follows. */
function readCondition(schema: SchemaObject, path: string): readonly unknown[] {
  const { if: condition, then = true, else: otherwise = true } = schema;
  const holds = condition === true || (isObject(condition) && Object.keys(condition).length === 0);
  const follows = [holds ? then : true, condition === false ? otherwise : true].filter((one) => !isEverything(one));
  if (condition === undefined || holds || condition === false) return follows;
  if (isEverything(then) && isEverything(otherwise)) return [];
  throw invalid(path, '"if" with "then" or "else" cannot be kept to; write the cases as "anyOf"');
}

function isEverything(schema: unknown): boolean {
  return schema === true || (isObject(schema) && Object.keys(schema).length === 0);
}

function listTypes(type: unknown, path: string): JsonType[] {
  const list: unknown[] = Array.isArray(type) ? type : [type];
  if (list.length === 0 || !list.every((one) => (TYPES as readonly unknown[]).includes(one))) {
    throw invalid(path, `"type" takes one of ${TYPES.join(', ')}, or a list of them`);
  }
  return list as JsonType[];
}

/**
 * The types that fields are about; null for any. Where none is named others would be valid as well: whoever names
 * properties means an object.
 */
export function typesOf(fields: SchemaObject): readonly JsonType[] | null {
  const named = fields['type'] as readonly JsonType[] | undefined;
  if (named) return named;
  const types = new Set(Object.keys(fields).flatMap((keyword) => OF_TYPE[keyword] ?? []));
  return types.size === 0 ? null : [...types];
}

/** Whether something is said about values of a type, but for their type. */
export function assertsOf(type: JsonType, fields: SchemaObject): boolean {
  return Object.keys(fields).some((keyword) => OF_TYPE[keyword] === type);
}

export function isOfType(value: unknown, type: JsonType): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** The largest count: each one is a part of the grammar. */
const MOST_COUNTED = 10_000;

/** Two keywords that count something. @throws BambaError `setting_invalid` */
export function readCountRange(
  fields: SchemaObject,
  minimum: string,
  maximum: string,
  path: string,
): [min: number, max: number] {
  const min = readCount(fields, minimum, path) ?? 0;
  const max = readCount(fields, maximum, path) ?? Infinity;
  if (min > max) throw invalid(path, `"${minimum}" is above "${maximum}"`);
  if (min > MOST_COUNTED) throw invalid(path, `"${minimum}" is above ${MOST_COUNTED}, the most that can be kept to`);
  return [min, max > MOST_COUNTED && max < Infinity ? MOST_COUNTED : max];
}

function readCount(fields: SchemaObject, keyword: string, path: string): number | undefined {
  const value = fields[keyword];
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) return value;
  throw invalid(path, `"${keyword}" takes a whole number from 0 on`);
}

/** A keyword that bounds a number. @throws BambaError `setting_invalid` */
export function readBound(fields: SchemaObject, keyword: string, path: string): number | undefined {
  const value = fields[keyword];
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw invalid(path, `"${keyword}" takes a number`);
}

/** A keyword of numbers, of which schemas that were put together have several. @throws BambaError `setting_invalid` */
export function readNumbers(fields: SchemaObject, keyword: string, path: string): readonly number[] {
  const list = listOf(fields[keyword]);
  if (list.every((value) => typeof value === 'number' && Number.isFinite(value))) return list as number[];
  throw invalid(path, `"${keyword}" takes a number`);
}

/** A keyword of texts, likewise. @throws BambaError `setting_invalid` */
export function readTexts(fields: SchemaObject, keyword: string, path: string): readonly string[] {
  const list = listOf(fields[keyword]);
  if (list.every((value) => typeof value === 'string')) return list;
  throw invalid(path, `"${keyword}" takes a string`);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param path where it stands in a schema; null for a pattern outside of one */
export function invalid(path: string | null, reason: string): BambaError {
  const where = path === null ? 'The pattern cannot be used:' : `The JSON schema cannot be used: at ${path}`;
  return new BambaError('setting_invalid', `${where} ${reason}.`);
}
