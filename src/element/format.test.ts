import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatInteger,
  formatNumber,
  formatParameters,
  formatRate,
  formatSeconds,
  formatTimeLeft,
} from './format.ts';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [74_000, '74.0 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [35_120_000, '35.1 MB'],
  [99_949_999, '99.9 MB'],
  [99_950_000, '100 MB'],
  [999_499_999, '999 MB'],
  [999_500_000, '1.00 GB'],
  [9_800_000_000, '9.80 GB'],
  [19_600_000_000, '19.6 GB'],
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
  expect(formatParameters(340)).toBe('340');
  expect(formatParameters(368_000_000)).toBe('368 M');
  expect(formatParameters(34_900_000)).toBe('34.9 M');
  expect(formatParameters(9_780_000_000)).toBe('9.78 B');
  expect(formatRate(58.317)).toBe('58.3 tokens/s');
  expect(formatRate(7.26)).toBe('7.26 tokens/s');
  expect(formatRate(2936.4)).toBe('2\u202f940 tokens/s');
  expect(formatRate(0)).toBe('');
  expect(formatRate(Infinity)).toBe('');
  expect(formatSeconds(0.118)).toBe('0.118 s');
  expect(formatSeconds(0.0451)).toBe('45 ms');
  expect(formatSeconds(12.34)).toBe('12.3 s');
  expect(formatInteger(1_234_567)).toBe('1\u202f234\u202f567');
  expect(formatCount(1, 'token')).toBe('1 token');
  expect(formatCount(1000, 'token')).toBe('1\u202f000 tokens');
});

it('writes every number that can be measured in three digits, and without an exponent', () => {
  const measured = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(measured, (value) => {
      const text = formatNumber(value, 3);
      expect(text).toMatch(/^\d{1,3}(\u202f\d{3})*(\.\d+)?$/);
      expect(Number(text.replaceAll('\u202f', ''))).toBe(Number(value.toPrecision(3)));
    }),
  );
});
