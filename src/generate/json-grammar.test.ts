import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../testing/arbitrary.ts';
import { violation } from '../testing/json-schema.ts';
import { TINY_EOS, tinyTokenizer } from '../testing/tiny-model.ts';
import { readLexiconFiles } from '../text/fixtures/lexicon.ts';
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts';
import { type Expression, sequence, text as textOf } from './grammar.ts';
import { GrammarConstraints } from './grammar-constraint.ts';
import { jsonGrammar } from './json-grammar.ts';

// A model that has never seen JSON: each token is drawn at random from those that the mask lets come.

interface Speaker {
  tokenizer: Tokenizer;
  size: number;
  stopId: number;
  constraints: GrammarConstraints;
  /** Ids that end the text, or something in it. */
  closes: ReadonlySet<number>;
}

function speaker(tokenizer: Tokenizer, size: number, stopId: number): Speaker {
  const vocabulary = { tokenizer, size, stopIds: [stopId], shown: new Set<number>() };
  const closing = Array.from({ length: size }, (_, id) => id).filter((id) =>
    /^["\]}]+$/.test(tokenizer.decode([id], { skipSpecialTokens: false })),
  );
  return {
    tokenizer,
    size,
    stopId,
    constraints: new GrammarConstraints(vocabulary),
    closes: new Set([stopId, ...closing]),
  };
}

/** A random text of a grammar, to its end. Half of the tokens are such as close what is open, or most texts had no end. */
function speak({ tokenizer, size, stopId, constraints, closes }: Speaker, grammar: Expression, seed: number): string {
  const next = random(seed);
  const constraint = constraints.constrain(grammar);
  const ids: number[] = [];
  for (;;) {
    const mask = constraint.mask();
    const allowed: number[] = [];
    for (let id = 0; id < size; id++) if (((mask[id >>> 5]! >>> (id & 31)) & 1) === 1) allowed.push(id);
    const closing = allowed.filter((id) => closes.has(id));
    const from = closing.length > 0 && next() < 0.5 ? closing : allowed;
    const id = from[Math.floor(next() * from.length)]!;
    if (id === stopId) return tokenizer.decode(ids, { skipSpecialTokens: true });
    ids.push(id);
    constraint.accept(id);
    if (ids.length > 20_000) throw new Error('The text has no end.');
  }
}

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
    const { tokenizerJson, tokenizerConfig } = readLexiconFiles();
    // Tokens of one byte, and a real vocabulary whose tokens span what a grammar tells apart.
    speakers = [
      speaker(tinyTokenizer(), 512, TINY_EOS),
      speaker(createTokenizer(tokenizerJson, tokenizerConfig), 12_288, 2),
    ];
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
    [{ type: 'string', pattern: '^a' }, /at # "pattern" cannot be kept to/],
    [{ properties: { a: { multipleOf: 3 } } }, /at #\/properties\/a "multipleOf"/],
    [{ type: 'array', items: { not: {} } }, /at #\/items "not"/],
    [{ anyOf: [{ type: 'null' }], properties: {} }, /"properties" beside "anyOf"/],
    [{ anyOf: [] }, /list of schemas/],
    [{ enum: [1], type: 'string' }, /no value is valid/],
    [{ allOf: [{}, {}] }, /more than one/],
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
