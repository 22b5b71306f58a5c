// JSON Schemas as they come from outside: what is read of them, and that nothing is passed over that would have changed
// what is valid.

import { BambaError } from '../errors.ts';

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
export type SchemaObject = Readonly<Record<string, unknown>>;

const TYPES: readonly JsonType[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** They say nothing about which values are valid; `format` is one of them, as in the standard itself. */
const ANNOTATIONS = new Set([
  '$schema',
  '$id',
  '$comment',
  '$anchor',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'format',
  'contentEncoding',
  'contentMediaType',
]);

/** The assertions that are kept to, by the type they are about. */
const OF_TYPE: Readonly<Record<string, JsonType>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
};

/** Each stands alone in its schema, apart from annotations; `enum` and `const` may have a `type` beside them. */
const WHOLE = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf'] as const;

/** What a schema asks for, its form checked. */
export type Assertion =
  | { kind: 'anything' }
  | { kind: 'ref'; ref: string }
  | { kind: 'values'; values: unknown[] }
  | { kind: 'choice'; schemas: unknown[] }
  | { kind: 'types'; types: JsonType[] };

/**
 * What a schema asks for.
 * @param path where it stands, for errors
 * @throws BambaError `setting_invalid` for what is no schema, and for keywords that cannot be kept to
 */
export function readAssertion(schema: unknown, path: string): { fields: SchemaObject; assertion: Assertion } {
  if (schema === true) return { fields: {}, assertion: { kind: 'anything' } };
  if (!isObject(schema)) throw invalid(path, schema === false ? 'nothing is valid here' : 'this is no schema');
  const keywords = Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword));
  const refused = keywords.find(
    (keyword) =>
      !Object.hasOwn(OF_TYPE, keyword) && ![...WHOLE, 'type'].includes(keyword) && !isNeutral(keyword, schema),
  );
  if (refused !== undefined) {
    throw invalid(
      path,
      `${JSON.stringify(refused)} cannot be kept to. There are: type, ${[...WHOLE, ...Object.keys(OF_TYPE)].join(', ')}`,
    );
  }
  const whole = WHOLE.find((keyword) => keywords.includes(keyword));
  if (whole === undefined) return { fields: schema, assertion: readTypes(schema, keywords, path) };
  const valued = whole === 'const' || whole === 'enum';
  const beside = keywords.find((keyword) => keyword !== whole && !(valued && keyword === 'type'));
  if (beside !== undefined) throw invalid(path, `"${beside}" beside "${whole}" cannot be kept to`);
  return { fields: schema, assertion: readWhole(whole, schema, path) };
}

function readWhole(whole: (typeof WHOLE)[number], schema: SchemaObject, path: string): Assertion {
  const value = schema[whole];
  if (whole === '$ref') {
    if (typeof value !== 'string' || !/^#(\/|$)/.test(value))
      throw invalid(path, '"$ref" takes "#" or "#/...": a part of this schema');
    return { kind: 'ref', ref: value };
  }
  if (whole === 'const' || whole === 'enum') {
    const list: unknown = whole === 'const' ? [value] : value;
    if (!Array.isArray(list)) throw invalid(path, '"enum" takes a list');
    const types = schema['type'] === undefined ? TYPES : listTypes(schema['type'], path);
    const values = list.filter((one) => types.some((type) => isOfType(one, type)));
    if (values.length === 0) throw invalid(path, 'no value is valid here');
    return { kind: 'values', values };
  }
  if (!Array.isArray(value) || value.length === 0) throw invalid(path, `"${whole}" takes a list of schemas`);
  if (whole === 'allOf' && value.length > 1) throw invalid(path, '"allOf" of more than one schema cannot be kept to');
  return { kind: 'choice', schemas: value };
}

function readTypes(schema: SchemaObject, keywords: readonly string[], path: string): Assertion {
  if (schema['type'] !== undefined) return { kind: 'types', types: listTypes(schema['type'], path) };
  // Other types would be valid as well; whoever names properties means an object.
  const types = [...new Set(keywords.flatMap((keyword) => OF_TYPE[keyword] ?? []))];
  return types.length === 0 ? { kind: 'anything' } : { kind: 'types', types };
}

function listTypes(type: unknown, path: string): JsonType[] {
  const list: unknown[] = Array.isArray(type) ? type : [type];
  if (list.length === 0 || !list.every((one) => (TYPES as readonly unknown[]).includes(one))) {
    throw invalid(path, `"type" takes one of ${TYPES.join(', ')}, or a list of them`);
  }
  return list as JsonType[];
}

/** Keywords that are refused, with the values that ask for nothing. */
function isNeutral(keyword: string, schema: SchemaObject): boolean {
  const value = schema[keyword];
  if (keyword === 'uniqueItems') return value === false;
  if (keyword === 'minProperties') return value === 0;
  // Names of properties are strings as they are.
  if (keyword === 'propertyNames')
    return isObject(value) && Object.keys(value).every((key) => key === 'type') && value['type'] === 'string';
  return false;
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** A keyword that counts something. @throws BambaError `setting_invalid` */
export function readCount(fields: SchemaObject, keyword: string, path: string): number | undefined {
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

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function invalid(path: string, reason: string): BambaError {
  return new BambaError('setting_invalid', `The JSON schema cannot be used: at ${path} ${reason}.`);
}
