import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bothSpeakers, speak, type Speaker } from '../testing/models/speaker.ts';
import { jsonGrammar } from './json-grammar.ts';

// Schemas as zod and OpenAPI write them. A model that draws tokens at random gives valid texts under them, for zod itself
// and for a validator of the standard.

/** Takes OpenAPI's `nullable` and `example`, too; multiples of decimals are what their digits say. */
const ajv = addFormats.default(
  new Ajv2020({ strict: false, allErrors: true, multipleOfPrecision: 9, allowUnionTypes: true }),
);

const person = z.object({
  name: z.string().min(1).max(20),
  age: z.int().nonnegative().max(150),
  email: z.email().optional(),
  kind: z.enum(['a', 'b']),
});

interface Tree {
  value: number;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.object({
  value: z.int(),
  get children() {
    return z.array(tree).max(2);
  },
});

const ZOD: Readonly<Record<string, z.ZodType>> = {
  email: z.email(),
  'email of a length': z.email().max(24),
  uuid: z.uuid(),
  guid: z.guid(),
  url: z.url(),
  emoji: z.emoji(),
  nanoid: z.nanoid(),
  cuid2: z.cuid2(),
  ulid: z.ulid(),
  ksuid: z.ksuid(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  cidrv4: z.cidrv4(),
  cidrv6: z.cidrv6(),
  mac: z.mac(),
  base64: z.base64(),
  base64url: z.base64url(),
  e164: z.e164(),
  hostname: z.hostname(),
  hex: z.hex(),
  hash: z.hash('sha1'),
  date: z.iso.date(),
  time: z.iso.time(),
  datetime: z.iso.datetime(),
  'datetime with an offset': z.iso.datetime({ offset: true, local: true }),
  duration: z.iso.duration(),
  regex: z.string().regex(/^[A-Z]{2}\d+$/),
  'a regex that matches somewhere': z
    .string()
    .regex(/\p{Lu}ü|✓/u)
    .max(9),
  'startsWith, endsWith and includes': z.string().startsWith('a').endsWith('"b').includes('\\c').min(6).max(9),
  lowercase: z.string().lowercase().length(5),
  'template literal': z.templateLiteral(['a', z.number(), z.enum(['x', 'y'])]),
  int32: z.int32(),
  positive: z.number().positive(),
  'number in a range': z.number().gte(-0.5).lt(2.25),
  'multiple of an integer': z.int().multipleOf(7).gt(-100).lt(1000),
  'multiple of a hundred': z.int().multipleOf(300),
  'multiple of a decimal': z.number().multipleOf(0.25).min(-3).max(3),
  cents: z.number().multipleOf(0.01),
  literal: z.literal([1, 'a', null]),
  object: person,
  'loose object': z.looseObject({ a: z.string() }),
  catchall: z.object({}).catchall(z.int()),
  record: z.record(z.string(), z.boolean()),
  'record of an enum': z.record(z.enum(['a', 'b']), z.number()),
  'partial record of an enum': z.partialRecord(z.enum(['a', 'b']), z.number()),
  'record of a regex': z.record(z.string().regex(/^x[0-9]$/), z.boolean()),
  'loose record': z.looseRecord(z.string().regex(/^x[0-9]$/), z.boolean()),
  union: z.union([z.string(), z.number(), person]),
  'discriminated union': z.discriminatedUnion('k', [
    z.object({ k: z.literal('a') }),
    z.object({ k: z.literal('b'), n: z.number() }),
  ]),
  intersection: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
  'intersection of unions': z.intersection(z.union([z.literal('a'), z.literal('b')]), z.enum(['b', 'c'])),
  tuple: z.tuple([z.string(), z.number()]),
  'tuple with a rest': z.tuple([z.string()], z.int()),
  'array of a length': z.array(z.string().max(3)).min(1).max(3),
  'optional and nullable': z.object({ a: z.string().nullable().optional(), b: z.nullish(z.int()) }),
  'default and catch': z.object({ a: z.string().default('x'), b: z.int().catch(1) }),
  never: z.object({ a: z.never().optional(), b: z.int() }),
  recursive: tree,
  readonly: z.array(z.boolean()).readonly(),
};

const SCHEMAS: readonly object[] = [
  { type: 'object', properties: { a: { type: 'string', nullable: true } }, required: ['a'] },
  { type: ['string', 'null'], anyOf: [{ type: 'string', maxLength: 2 }, { type: 'null' }] },
  { type: 'object', additionalProperties: {}, maxProperties: 2 },
  { type: 'number', multipleOf: 0.5 },
  { type: 'integer', multipleOf: 0.75 },
  { allOf: [{ multipleOf: 4 }, { multipleOf: 6 }, { type: 'integer', minimum: 1, maximum: 200 }] },
  { type: 'string', pattern: '^(?=.*\\d)(?=.*[a-z])(?!.*x)[a-z\\d]{4,6}$' },
  { type: 'string', pattern: 'b', minLength: 2, maxLength: 3 },
  { type: 'string', pattern: '^(?:a|b(?!c)b|[^\\x00-\\uFFFF])$' },
  { type: 'array', items: { type: 'string' }, uniqueItems: true, minItems: 2 },
  { type: 'array', items: { type: 'string', maxLength: 1, pattern: '[ab]' }, uniqueItems: true, minItems: 2 },
  { type: 'array', items: { enum: ['a', 'ab', 1, 11, null] }, uniqueItems: true, minItems: 5 },
  {
    type: 'array',
    items: { type: 'array', items: { type: 'boolean' }, uniqueItems: true },
    uniqueItems: true,
    minItems: 4,
  },
  { type: 'array', items: { type: 'number' }, uniqueItems: true, minItems: 2 },
  { type: 'array', items: { properties: { a: { type: 'boolean' } }, required: ['a'] }, uniqueItems: true, minItems: 2 },
  { type: 'array', prefixItems: [{ enum: [1, 2] }, { enum: [1, 2] }], uniqueItems: true },
  {
    anyOf: [
      { type: 'array', items: { enum: [1, 2] }, uniqueItems: true },
      { type: 'array', items: { type: 'integer' } },
    ],
  },
  { type: 'object', additionalProperties: { type: 'boolean' }, minProperties: 3 },
  {
    type: 'object',
    propertyNames: { pattern: '^[ab]?$' },
    additionalProperties: { type: 'boolean' },
    minProperties: 3,
  },
  { type: 'string', format: 'date-time' },
  { type: 'string', format: 'uri-reference' },
  { type: 'string', format: 'json-pointer' },
  { type: 'string', format: 'relative-json-pointer' },
  { type: 'string', format: 'byte' },
  { type: 'string', format: 'time' },
  { type: 'string', format: 'duration' },
  { type: 'string', format: 'hostname' },
  { type: 'string', format: 'email' },
  { type: 'string', format: 'uuid' },
  { type: 'string', format: 'uri', maxLength: 40 },
  { type: 'string', format: 'nothing-known', 'x-order': 1, default: null, examples: ['x'] },
  { type: 'integer', format: 'int32' },
  { enum: ['a', 'bb', 3, 5, null, [1]], type: ['string', 'integer', 'array'], minLength: 2, multipleOf: 5 },
  { type: 'object', additionalProperties: { type: 'number' }, minProperties: 1 },
  { type: 'object', properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, minProperties: 2 },
  { type: 'object', properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, maxProperties: 1 },
  JSON.parse('{"type": "object", "properties": {"a": {}}, "if": {}, "then": {"required": ["a"]}}') as object,
  JSON.parse(
    '{"properties": {"a": {"const": 1}}, "if": false, "then": {"required": ["b"]}, "else": {"required": ["a"]}}',
  ) as object,
  {
    type: 'object',
    patternProperties: { '^a': { type: 'null' }, b$: { type: 'boolean' } },
    additionalProperties: { const: 0 },
  },
  {
    type: 'object',
    patternProperties: { '^a': { maxLength: 3 } },
    properties: { ab: { type: 'string' } },
    required: ['ab'],
  },
  { type: 'object', propertyNames: { enum: ['a', 'b'] }, additionalProperties: { type: 'boolean' } },
  { type: 'object', propertyNames: { pattern: '^a', maxLength: 3 }, additionalProperties: { type: 'boolean' } },
  {
    $defs: { p: { type: 'string' } },
    properties: { a: { allOf: [{ $ref: '#/$defs/p' }, { maxLength: 2 }], title: 't' } },
  },
  {
    $defs: { p: { type: 'object', properties: { x: { type: 'integer' } }, required: ['x'] } },
    $ref: '#/$defs/p',
    properties: { y: { type: 'null' } },
    required: ['y'],
  },
  {
    $defs: {
      n: {
        type: 'object',
        properties: { c: { type: 'array', items: { $ref: '#/$defs/n' }, maxItems: 1 } },
        required: ['c'],
      },
    },
    allOf: [{ $ref: '#/$defs/n' }, { properties: { d: { const: 1 } } }],
  },
  {
    anyOf: [
      { properties: { a: { const: 1 } }, required: ['a'] },
      { properties: { b: { const: 2 } }, required: ['b'] },
    ],
    type: 'object',
    properties: { z: { type: 'boolean' } },
    required: ['z'],
  },
  {
    allOf: [
      { type: 'array', items: { type: 'integer' } },
      { items: { maximum: 5, minimum: 0 }, maxItems: 3 },
    ],
  },
];

/** Of patterns that ask for other characters. */
const BEYOND_ASCII = /[^\0-\x7f]|\\p\{/;

describe('what is said under a schema is valid', () => {
  let speakers: [Speaker, Speaker];
  beforeAll(() => {
    speakers = bothSpeakers();
  });

  const texts = (schema: unknown, ascii = true) => {
    const grammar = jsonGrammar(schema);
    // The tokens of one byte are those of ASCII.
    return [1, 2, 3, 4].map((seed) => speak(speakers[ascii ? seed % 2 : 1]!, grammar, seed));
  };

  test.each(Object.entries(ZOD))('of zod: %s', (_, type) => {
    const schema = z.toJSONSchema(type);
    for (const text of texts(schema, !BEYOND_ASCII.test(JSON.stringify(schema)))) {
      const value: unknown = JSON.parse(text);
      expect(type.safeParse(value), text).toMatchObject({ success: true });
      expect(ajv.validate(schema, value) || ajv.errors, text).toBe(true);
    }
  });

  test.each(Object.entries(ZOD))('of zod, as older drafts and OpenAPI write it: %s', (_, type) => {
    const plain = (schema: object) => JSON.stringify({ ...schema, $schema: undefined });
    const whole = plain(z.toJSONSchema(type));
    // Draft 4 and OpenAPI 3.0 have no words for names of properties, and for tuples.
    const newer = /propertyNames|patternProperties|prefixItems/.test(whole);
    for (const target of newer ? (['draft-07'] as const) : (['draft-07', 'draft-04', 'openapi-3.0'] as const)) {
      const schema = z.toJSONSchema(type, { target });
      if (plain(schema) === whole) continue;
      for (const text of texts(schema, !BEYOND_ASCII.test(whole)).slice(0, 2)) {
        expect(type.safeParse(JSON.parse(text)), `${target}: ${text}`).toMatchObject({ success: true });
      }
    }
  });

  test.each(SCHEMAS)('of %j', (schema) => {
    for (const text of texts(schema)) {
      expect(ajv.validate(schema, JSON.parse(text)) || ajv.errors, text).toBe(true);
    }
  });
});
