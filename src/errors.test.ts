import { expect, it } from 'vitest';
import { asBambaError, BambaError, isFatal } from './errors.ts';

it('leaves an error of the library as it is', () => {
  const error = new BambaError('network', 'The server is away.');
  expect(asBambaError(error)).toBe(error);
});

it('knows an error of another copy of the class by its name and shape', () => {
  const other = Object.assign(new Error('The disk is full.'), { name: 'BambaError', code: 'storage_full' });
  const error = asBambaError(other);
  expect(error).toBeInstanceOf(BambaError);
  expect(error).toMatchObject({ code: 'storage_full', message: 'The disk is full.', cause: other });
});

it.each([
  [new TypeError('x is not a function'), 'x is not a function'],
  [Object.assign(new Error('no such file'), { code: 'ENOENT' }), 'no such file'],
  [new RangeError(''), 'RangeError'],
  ['a text', 'a text'],
  [undefined, 'undefined'],
])('calls %o internal, and keeps its own message', (thrown, message) => {
  const error = asBambaError(thrown);
  expect(error).toBeInstanceOf(BambaError);
  expect(error).toMatchObject({ code: 'internal', message, cause: thrown });
});

it('tells what ends an engine from what ends an answer', () => {
  expect(isFatal('device_lost')).toBe(true);
  expect(isFatal('internal')).toBe(false);
  expect(isFatal('prompt_too_long')).toBe(false);
});
