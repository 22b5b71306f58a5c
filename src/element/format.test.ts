import { expect, it } from 'vitest';
import { formatBytes, formatInteger, formatParameters, formatRate, formatSeconds, formatTimeLeft } from './format.ts';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [35_120_000, '35.1 MB'],
  [99_949_999, '99.9 MB'],
  [99_950_000, '100 MB'],
  [999_499_999, '999 MB'],
  [999_500_000, '1.00 GB'],
  [9_800_000_000, '9.80 GB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each([
  [Infinity, ''],
  [Number.NaN, ''],
  [0.4, 'about a second left'],
  [12.4, 'about 12 s left'],
  [59.6, 'about 1 min left'],
  [75, 'about 2 min left'],
  [5400, 'about 1.5 h left'],
])('%d seconds are %j', (seconds, text) => {
  expect(formatTimeLeft(seconds)).toBe(text);
});

it('counts parameters, tokens and time as people read them', () => {
  expect(formatParameters(34_900_000)).toBe('34.9 M');
  expect(formatParameters(9_780_000_000)).toBe('9.78 B');
  expect(formatRate(58.3)).toBe('58 tokens/s');
  expect(formatRate(7.26)).toBe('7.3 tokens/s');
  expect(formatRate(0)).toBe('');
  expect(formatRate(Infinity)).toBe('');
  expect(formatSeconds(0.118)).toBe('0.12 s');
  expect(formatSeconds(12.34)).toBe('12.3 s');
  expect(formatInteger(1_234_567)).toBe('1\u202f234\u202f567');
});
