// One number or text by a format's width, sign and precision, as Python's `format` and `%` have them.

import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { checkedInteger, fixedDigits, floatText, toFloat } from './numbers.ts';
import { concat, lengthOf, offsetOf, repeated, type Str, sub } from './text.ts';

export interface Layout {
  readonly fill: Str;
  /** `<`, `>`, `^`, or `=` for between sign and digits. */
  readonly align: string;
  readonly width: number;
}

/** A format may ask for this many characters: more is a mistake. */
const MAX_WIDTH = 100_000;

/** Text, filled up to its width. */
export function aligned(text: Str, { fill, align, width }: Layout, prefix = 0): Str {
  if (width > MAX_WIDTH) throw new TemplateUnsupported('formats that are so wide');
  const room = Math.max(0, width - lengthOf(text));
  if (align === '=') return concat([sub(text, 0, prefix), repeated(fill, room), sub(text, prefix)]);
  const before = align === '>' ? room : align === '^' ? Math.floor(room / 2) : 0;
  return concat([repeated(fill, before), text, repeated(fill, room - before)]);
}

/** Text, cut to a number of characters. */
export function cutTo(text: Str, precision: number | null): Str {
  return precision === null ? text : sub(text, 0, offsetOf(text, precision));
}

/** The digits of a number without its sign, by a type letter. */
export function digitsOf(value: bigint | number, type: string, precision: number | null): string {
  switch (type) {
    case 'd':
      return String(checkedInteger(absolute(value)));
    case 'x':
    case 'o':
    case 'b':
      return absolute(value).toString(type === 'x' ? 16 : type === 'o' ? 8 : 2);
    case 'X':
      return absolute(value).toString(16).toUpperCase();
    case 'f':
    case 'F':
      return fixed(value, precision ?? 6, type);
    case '%':
      return `${fixed((typeof value === 'bigint' ? toFloat(value) : value) * 100, precision ?? 6, 'f')}%`;
    default:
      throw new TemplateUnsupported(`the format "${type}" of numbers`);
  }
}

function absolute(value: bigint | number): bigint {
  if (typeof value !== 'bigint') throw new TemplateFault('a float is written by the format of an integer');
  return value < 0n ? -value : value;
}

function fixed(value: bigint | number, precision: number, type: string): string {
  const float = typeof value === 'bigint' ? toFloat(value) : value;
  if (Number.isFinite(float)) return fixedDigits(float, precision);
  const text = floatText(Math.abs(float));
  return type === 'F' ? text.toUpperCase() : text;
}

/** Whether a minus belongs before a number. */
export function isNegative(value: bigint | number): boolean {
  return value < 0 || Object.is(value, -0);
}
