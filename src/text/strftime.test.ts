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
  ['%F %T|%D %R|%x %X|%h|%r', '2026-03-01 00:07:09|03/01/26 00:07|03/01/26 00:07:09|Mar|12:07:09 AM'],
  ['%c|%C %g %G-W%V|%u %w %U %W|%k %l %P', 'Sun Mar  1 00:07:09 2026|20 26 2026-W09|7 0 09 08| 0 12 am'],
  ['%f %-f|%z%Z|%n|%t|%^a %#p %_d %5d %05Y %Ey %Od', '000000 %-f||\n|\t|SUN am  1 00001 02026 26 01'],
])('%s', (format, expected) => {
  expect(formatTime(new Date(2026, 2, 1, 0, 7, 9), format)).toBe(expected);
});

test('afternoon, and the last day of a leap year', () => {
  expect(formatTime(new Date(2028, 11, 31, 13, 0, 0), '%I %p %j')).toBe('01 PM 366');
});
