import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { violation } from '../testing/json-schema.ts';
import { bothSpeakers, speak, type Speaker } from '../testing/models/speaker.ts';
import { TINY_EOS, tinyTokenizer } from '../testing/models/tiny-model.ts';
import { sequence, text as textOf } from './grammar.ts';
import { GrammarConstraints } from './grammar-constraint.ts';
import { jsonGrammar } from './json-grammar.ts';

const name = () =>
  fc.oneof(fc.constantFrom('a', 'name', 'größe', '✓', 'with "quotes" \\', ''), fc.string({ maxLength: 5 }));
const value = () => fc.jsonValue({ maxDepth: 1 }).map((one) => JSON.parse(JSON.stringify(one)) as unknown);
const small = () => fc.nat({ max: 4 });

/** Numbers with few digits, so that something lies between two of them. */
const bounds = (type: string) =>
  fc
    .record({
      low: fc.integer({ min: -400, max: 400 }),
      width: fc.integer({ min: 2, max: 300 }),
      scale: fc.constantFrom(1, 10, 100),
    })
    .chain(({ low, width, scale }) => {
      const unit = type === 'integer' ? 1 : scale;
      const [min, max] = [low / unit, (low + width) / unit];
      return fc.constantFrom<object>(
        { minimum: min },
        { maximum: max },
        { minimum: min, maximum: max },
        { exclusiveMinimum: min },
        { exclusiveMinimum: min, exclusiveMaximum: max },
        {},
      );
    })
    .map((given) => ({ type, ...given }));

const { schema } = fc.letrec<{ schema: Record<string, unknown>; leaf: Record<string, unknown> }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(
      { type: 'boolean' },
      { type: 'null' },
      { type: 'string' },
      { type: ['string', 'null'] },
      { $ref: '#/$defs/node' },
    ),
    bounds('integer'),
    bounds('number'),
    fc.array(value(), { minLength: 1, maxLength: 4 }).map((list) => ({ enum: list })),
    value().map((one) => ({ const: one })),
    fc.tuple(small(), small()).map(([min, more]) => ({ type: 'string', minLength: min, maxLength: min + more })),
  ),
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'medium' },
    tie('leaf'),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((list) => ({ anyOf: list })),
    fc
      .tuple(tie('schema'), small(), small())
      .map(([items, min, more]) => ({ type: 'array', items, minItems: min, maxItems: min + more })),
    fc
      .array(tie('schema'), { minLength: 1, maxLength: 3 })
      .map((list) => ({ type: 'array', prefixItems: list, items: false })),
    tie('schema').map((one) => ({ type: 'object', additionalProperties: one })),
    fc
      .dictionary(name(), fc.tuple(tie('schema'), fc.boolean()), { maxKeys: 4, noNullPrototype: true })
      .map((members) => ({
        type: 'object',
        properties: Object.fromEntries(Object.entries(members).map(([key, [one]]) => [key, one])),
        required: Object.keys(members).filter((key) => members[key]![1]),
        additionalProperties: false,
      })),
  ),
}));

const NODE = {
  type: 'object',
  properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
  required: ['value'],
};

describe('the grammar of a JSON schema', () => {
  let speakers: [Speaker, Speaker];

  beforeAll(() => {
    speakers = bothSpeakers();
  });

  test('makes every answer of a model that has never seen JSON valid, for 200 schemas', () => {
    fc.assert(
      fc.property(schema, fc.integer(), fc.boolean(), (generated, seed, real) => {
        const whole = { ...generated, $defs: { node: NODE } };
        // The tokens of one byte are those of ASCII.
        const spelled = real || /[^\0-\x7f]/.test(JSON.stringify(whole));
        const text = speak(speakers[spelled ? 1 : 0], jsonGrammar(whole), seed);
        expect(violation(JSON.parse(text), whole), text).toBeNull();
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test.each([
    [{}, /./],
    [true, /./],
    [{ type: 'object' }, /^\{/],
    [{ properties: { a: {} }, required: ['a'] }, /^\{"a": /],
    [{ type: 'object', required: ['b'], additionalProperties: { type: 'null' } }, /^\{"b": null\}$/],
    [{ type: 'object', properties: {} }, /^\{\}$/],
    [{ enum: ['a', 1, null], type: 'string' }, /^"a"$/],
    [{ const: { a: [1, { b: 'c d' }] } }, /^\{"a": \[1, \{"b": "c d"\}\]\}$/],
    [{ type: 'array', prefixItems: [{ const: 1 }, { const: 2 }] }, /^\[1, 2\]$/],
    [{ type: 'array', prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 3, maxItems: 3 }, /^\[1, 2, 2\]$/],
    [{ type: 'array', maxItems: 0 }, /^\[\]$/],
    [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 5 }, /^4$/],
    [{ type: 'number', exclusiveMinimum: 0.1, exclusiveMaximum: 0.102 }, /^0\.10(0[1-9]|1)\d*$/],
    [{ type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }, /^-?\d{1,16}$/],
    [{ type: 'string', minLength: 300, maxLength: 300 }, /^"[^]{300,}"$/],
    [{ type: 'string', format: 'email', description: 'is a note' }, /^"/],
    [{ allOf: [{ const: 7 }] }, /^7$/],
    [
      { type: 'object', propertyNames: { type: 'string' }, uniqueItems: false, additionalProperties: { const: 0 } },
      /^\{/,
    ],
    [{ type: 'array', items: { $ref: '#' }, maxItems: 1 }, /^\[+\]+$/],
    [{ type: 'array', items: { not: {} } }, /^\[\]$/],
    [{ anyOf: [false, { const: 7 }, { not: {} }] }, /^7$/],
    [{ anyOf: [{ const: 3 }, { const: 8 }], minimum: 5 }, /^8$/],
    [{ type: 'string', pattern: '^"\\\\\n\u0001$' }, /^"\\"\\\\\\n\\u0001"$/],
    [{ type: 'integer', multipleOf: 500, minimum: 1, maximum: 999 }, /^500$/],
    [{ type: 'number', multipleOf: 0.4, exclusiveMinimum: 0, maximum: 0.4 }, /^0\.4$/],
    [{ type: 'array', items: { enum: [1, 1.0, 2] }, uniqueItems: true, minItems: 2 }, /^\[(1, 2|2, 1)\]$/],
    [{ type: 'object', properties: { a: { allOf: [{ type: 'string' }, { type: 'null' }] } } }, /^\{\}$/],
    [{ const: 1, nullable: true }, /^1$/],
  ])('of %j', (given, expected) => {
    for (const seed of [1, 2, 3]) {
      const text = speak(speakers[0], jsonGrammar(given), seed);
      expect(text).toMatch(expected);
      expect(() => JSON.parse(text) as unknown).not.toThrow();
    }
  });

  test.each([
    [false, /nothing is valid/],
    ['string', /no schema/],
    [{ type: 'strin' }, /one of object, array/],
    [{ properties: { a: { contains: {} } } }, /at #\/properties\/a "contains" cannot be kept to/],
    [{ type: 'array', items: { not: { const: 1 } } }, /at #\/items "not"/],
    [{ anyOf: [] }, /list of schemas/],
    [{ enum: [1], type: 'string' }, /no value is valid/],
    [{ type: 'string', pattern: '(a)\\1' }, /at # the pattern .* has a reference to a group/],
    [{ type: 'string', pattern: '^a$', minLength: 2 }, /exclude each other/],
    [{ type: 'string', pattern: ['a', 1] }, /"pattern" takes a string/],
    [{ type: 'integer', multipleOf: 1234567 }, /multiples of 1234567 take more states/],
    [{ type: 'integer', multipleOf: 0 }, /a number above 0/],
    [{ type: 'integer', multipleOf: 10, minimum: 1, maximum: 9 }, /no integer is within/],
    [{ type: 'array', items: { enum: [1, 2] }, uniqueItems: true, minItems: 3 }, /there are 2 different items/],
    [{ properties: { a: {} }, minProperties: 2 }, /no object has so many/],
    [{ if: { required: ['a'] }, ['then' as string]: { required: ['b'] } }, /write the cases as "anyOf"/],
    [{ allOf: [{ type: 'string' }, { type: 'null' }] }, /at # nothing is valid/],
    [{ allOf: [{ $ref: '#' }, {}] }, /leads to itself/],
    [{ minLenght: 2 }, /"minLenght" cannot be kept to/],
    [{ enum: [{ a: 1 }], properties: {} }, /of an object cannot be kept to/],
    [{ $ref: 'https://example.org' }, /a part of this schema/],
    [{ $ref: '#/$defs/none' }, /there is no #\/\$defs\/none/],
    [{ $ref: '#' }, /leads to itself/],
    [{ anyOf: [{ type: 'null' }, { $ref: '#' }] }, /leads to itself/],
    [{ type: 'integer', minimum: 3, maximum: 2 }, /no integer is within/],
    [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 4 }, /no integer is within/],
    [{ type: 'number', minimum: '0' }, /"minimum" takes a number/],
    [{ minLength: -1 }, /"minLength" takes a whole number/],
    [{ minLength: 3, maxLength: 2 }, /above "maxLength"/],
    [{ minItems: 3, maxItems: 2 }, /above "maxItems"/],
    [{ type: 'array', items: false, minItems: 1 }, /above the number of items/],
    [{ required: [1] }, /list of names/],
    [{ type: 'object', properties: [] }, /object of schemas/],
    [{ type: 'object', required: ['a'], additionalProperties: false }, /at #\/properties\/a nothing is valid/],
  ])('is refused of %j', (given, reason) => {
    expect(() => jsonGrammar(given)).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(reason) as string }),
    );
  });

  test('stands among other texts', () => {
    const around = '<call>\n\t"\\ü✓\u{1F600}';
    const grammar = sequence(textOf(around), jsonGrammar({ const: 1 }), textOf('</call>'));
    expect(speak(speakers[1], grammar, 1)).toBe(`${around}1</call>`);
  });
});

test('a model without an end of answers is refused', () => {
  const vocabulary = { tokenizer: tinyTokenizer(), size: 512, stopIds: [], shown: new Set<number>() };
  expect(() => new GrammarConstraints(vocabulary).constrain(textOf('a'))).toThrow(
    expect.objectContaining({ code: 'unsupported_model' }),
  );
});

test('so is a form that a vocabulary cannot spell', () => {
  const vocabulary = { tokenizer: tinyTokenizer(), size: 512, stopIds: [TINY_EOS], shown: new Set<number>() };
  expect(() => new GrammarConstraints(vocabulary).constrain(textOf('ü')).mask()).toThrow(/No token of this model/);
});
