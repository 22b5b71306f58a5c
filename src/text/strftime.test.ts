import { expect, test } from 'vitest';

import { formatTime } from './strftime.ts';

test.each([
  ['%Y-%m-%d %H:%M:%S', '2026-03-01 00:07:09'],
  ['%d %b %Y', '01 Mar 2026'],
  ['%A, %B %-d', 'Sunday, March 1'],
  ['%a %e %y %j', 'Sun  1 26 060'],
  ['%I:%M %p, %-I %-m', '12:07 AM, 12 3'],
  ['100%% %Q %', '100% %Q %'],
  ['%%d', '%d'],
])('%s', (format, expected) => {
  expect(formatTime(new Date(2026, 2, 1, 0, 7, 9), format)).toBe(expected);
});

test('afternoon, and the last day of a leap year', () => {
  expect(formatTime(new Date(2028, 11, 31, 13, 0, 0), '%I %p %j')).toBe('01 PM 366');
});
