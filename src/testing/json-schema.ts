import { isDeepStrictEqual } from 'node:util';

type Schema = boolean | Readonly<Record<string, unknown>>;

/**
 * Why a value is not valid, written from the standard alone and not from the grammars that are tested with it; null for
 * a valid one. It knows the keywords that the tests use, and throws at others.
 */
export function violation(value: unknown, schema: Schema, root: Schema = schema): string | null {
  if (typeof schema === 'boolean') return schema ? null : 'nothing is valid';
  for (const [keyword, argument] of Object.entries(schema)) {
    const check = CHECKS[keyword];
    if (!check) throw new Error(`The validator does not know ${keyword}.`);
    const reason = check(value, argument as never, { schema, root });
    if (reason !== null) return `${reason} (${keyword})`;
  }
  return null;
}

interface Context {
  schema: Readonly<Record<string, unknown>>;
  root: Schema;
}

const CHECKS: Readonly<Record<string, (value: unknown, argument: never, context: Context) => string | null>> = {
  $defs: () => null,
  description: () => null,
  $ref: (value, ref: string, { root }) => {
    const [, , name] = ref.split('/');
    const target = name === undefined ? root : (root as { $defs: Record<string, Schema> }).$defs[name]!;
    return violation(value, target, root);
  },
  type: (value, types: string | string[]) =>
    [types].flat().some((type) => hasType(value, type)) ? null : `${JSON.stringify(value)} has another type`,
  const: (value, one: unknown) => (isDeepStrictEqual(value, one) ? null : 'another value'),
  enum: (value, list: unknown[]) => (list.some((one) => isDeepStrictEqual(value, one)) ? null : 'none of the values'),
  anyOf: (value, schemas: Schema[], { root }) =>
    schemas.some((one) => violation(value, one, root) === null) ? null : 'none of the schemas',
  minimum: (value, bound: number) => (typeof value === 'number' && value < bound ? `${value} < ${bound}` : null),
  maximum: (value, bound: number) => (typeof value === 'number' && value > bound ? `${value} > ${bound}` : null),
  exclusiveMinimum: (value, bound: number) => (typeof value === 'number' && value <= bound ? `${value}` : null),
  exclusiveMaximum: (value, bound: number) => (typeof value === 'number' && value >= bound ? `${value}` : null),
  minLength: (value, bound: number) =>
    typeof value === 'string' && Array.from(value).length < bound ? 'too short' : null,
  maxLength: (value, bound: number) =>
    typeof value === 'string' && Array.from(value).length > bound ? 'too long' : null,
  minItems: (value, bound: number) => (Array.isArray(value) && value.length < bound ? 'too few' : null),
  maxItems: (value, bound: number) => (Array.isArray(value) && value.length > bound ? 'too many' : null),
  prefixItems: (value, schemas: Schema[], { root }) =>
    Array.isArray(value)
      ? first(value.slice(0, schemas.length).map((one, i) => violation(one, schemas[i]!, root)))
      : null,
  items: (value, items: Schema, { schema, root }) => {
    if (!Array.isArray(value)) return null;
    const { prefixItems = [] } = schema as { prefixItems?: unknown[] };
    return first(value.slice(prefixItems.length).map((one) => violation(one, items, root)));
  },
  required: (value, names: string[]) =>
    isRecord(value) && names.some((name) => !Object.hasOwn(value, name)) ? 'a property is missing' : null,
  properties: (value, properties: Record<string, Schema>, { root }) =>
    isRecord(value)
      ? first(
          Object.entries(value).map(([name, one]) =>
            violation(one, Object.hasOwn(properties, name) ? properties[name]! : true, root),
          ),
        )
      : null,
  additionalProperties: (value, other: Schema, { schema, root }) => {
    if (!isRecord(value)) return null;
    const { properties = {} } = schema as { properties?: object };
    const rest = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
    return first(rest.map(([, one]) => violation(one, other, root)));
  },
};

function first(reasons: (string | null)[]): string | null {
  return reasons.find((reason) => reason !== null) ?? null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return isRecord(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  return typeof value === type && (type !== 'number' || Number.isFinite(value));
}
