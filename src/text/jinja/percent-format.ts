// Python's `text % values`.

import { spend } from './budget.ts';
import { escapeHtml } from './escape-html.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { aligned, cutTo, digitsOf, isNegative } from './format-number.ts';
import { toFloat, truncated } from './numbers.ts';
import { printed, represented } from './print.ts';
import { concat, isSafe, isStr, lengthOf, markSafe, plain, type Str, sub } from './text.ts';
import { asNumber, Dict, isNumber, Tuple, typeName, type Value } from './values.ts';

const DIRECTIVE = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?([^])/gu;

/** @throws TemplateFault where the values do not fit the text */
export function formatPercent(format: Str, values: Value): Str {
  const list = values instanceof Tuple ? values.items : [values];
  const source = plain(format);
  spend(source.length);
  const parts: Str[] = [];
  let used = 0;
  let end = 0;
  const next = (): Value => {
    if (used >= list.length) throw new TemplateFault('a format has more places than values');
    return list[used++]!;
  };
  for (const match of source.matchAll(DIRECTIVE)) {
    parts.push(sub(format, end, match.index));
    end = match.index + match[0].length;
    const [, name, flags = '', width, precision, type = ''] = match;
    if (type === '%') {
      parts.push('%');
      continue;
    }
    if (width === '*' || precision === '*') throw new TemplateUnsupported('widths of formats that are values');
    if (name !== undefined) used = list.length;
    const value = name === undefined ? next() : named(values, name);
    const digits = match[0].includes('.') ? Number(precision ?? 0) : null;
    const written = directive(value, type, flags, Number(width ?? 0), digits);
    parts.push(
      isSafe(format) ? escapeHtml(isStr(value) && type === 's' ? markSafe(written, isSafe(value)) : written) : written,
    );
  }
  parts.push(sub(format, end));
  if (source.slice(end).includes('%')) throw new TemplateFault('a format ends inside of a place');
  if (used < list.length && !(list.length === 1 && takesNothing(values))) {
    throw new TemplateFault('a format has fewer places than values');
  }
  return isSafe(format) ? markSafe(concat(parts)) : concat(parts);
}

/** The values that Python accepts beside a format without a place. */
function takesNothing(values: Value): boolean {
  return values instanceof Dict || Array.isArray(values);
}

function named(values: Value, name: string): Value {
  if (!(values instanceof Dict)) throw new TemplateFault('a format with names takes a dictionary');
  const value = values.get(name);
  if (value === undefined) throw new TemplateFault(`a format has no value "${name}"`);
  return value;
}

function directive(value: Value, type: string, flags: string, width: number, precision: number | null): Str {
  const align = flags.includes('-') ? '<' : '>';
  if (type === 's' || type === 'r') {
    const text = cutTo(type === 's' ? printed(value) : represented(value), precision);
    return aligned(text, { fill: ' ', align, width });
  }
  if (type === 'c') return aligned(character(value), { fill: ' ', align, width });
  if (!'diufFxXo'.includes(type)) throw new TemplateUnsupported(`the format "%${type}"`);
  if (flags.includes('#')) throw new TemplateUnsupported('the flag "#" of a format');
  const number = numberFor(value, type);
  let digits = digitsOf(number, 'iu'.includes(type) ? 'd' : type, precision);
  if (!'fF'.includes(type)) digits = digits.padStart(precision ?? 0, '0');
  const sign = isNegative(number) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const zeros = flags.includes('0') && align === '>' && Number.isFinite(Number(number));
  return aligned(sign + digits, { fill: zeros ? '0' : ' ', align: zeros ? '=' : align, width }, sign.length);
}

function numberFor(value: Value, type: string): bigint | number {
  if (!isNumber(value)) throw new TemplateFault(`a format of numbers is given a ${typeName(value)}`);
  const number = asNumber(value);
  if ('fF'.includes(type)) return typeof number === 'bigint' ? toFloat(number) : number;
  if (typeof number === 'bigint') return number;
  if ('diu'.includes(type)) return truncated(number);
  throw new TemplateFault('a format of integers is given a float');
}

function character(value: Value): Str {
  if (isStr(value) && lengthOf(value) === 1) return value;
  const code = isNumber(value) ? asNumber(value) : null;
  if (typeof code === 'bigint' && code >= 0n && code <= 0x10ffffn) return String.fromCodePoint(Number(code));
  throw new TemplateFault('the format "%c" takes one character');
}
