import fc from 'fast-check';
import { expect, test } from 'vitest';

import { WholeFloat } from './jinja/from-js.ts';
import { readToolArguments } from './tool-arguments.ts';

test.each([undefined, null, '', '  ', '\n', 'null', ' null ', '{}'])('%j counts as {}', (text) => {
  expect(readToolArguments(text)).toEqual({});
});

test.each(['{"a":', 'on', '[1]', '7', '"x"', 'true', "{'a': 1}", '{"a": NaN}', '{"a": 01}'])(
  '%s stays text',
  (text) => {
    expect(readToolArguments(text)).toBe(text);
  },
);

test('numbers are those that Python reads', () => {
  expect(
    readToolArguments('{"a": 1, "b": 1.0, "c": 12345678901234567890, "d": -0, "e": [1e2, 2.5], "3": "4.0"}'),
  ).toEqual({
    a: 1,
    b: new WholeFloat(1),
    c: 12345678901234567890n,
    d: 0n,
    e: [new WholeFloat(100), 2.5],
    '3': '4.0',
  });
  expect(readToolArguments('{"number": {"\\u006eumber": "7"}, "n\\"": "\\\\"}')).toEqual({
    number: { number: '7' },
    'n"': '\\',
  });
});

test('any other object is what JSON has', () => {
  const plainNumber = fc.double({ noDefaultInfinity: true, noNaN: true, noInteger: true });
  const leaf = fc.oneof(fc.string(), fc.maxSafeInteger(), plainNumber, fc.boolean(), fc.constant(null));
  const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf, { maxKeys: 3 }));
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value, { maxKeys: 4 }), (object) => {
      const json = JSON.stringify(object);
      expect(readToolArguments(json)).toEqual(JSON.parse(json));
    }),
    { numRuns: 200, seed: 20261129 },
  );
});
