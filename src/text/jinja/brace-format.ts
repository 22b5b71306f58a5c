// Python's `text.format(...)`, and the formats of single values behind a colon.

import { spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { aligned, cutTo, digitsOf, isNegative } from './format-number.ts';
import { floatText } from './numbers.ts';
import { printed, represented } from './print.ts';
import { concat, isStr, plain, type Str, sub } from './text.ts';
import { asNumber, isNumber, type Named, typeName, type Value } from './values.ts';

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/** How a format reaches members of its values. */
export interface Members {
  readonly attributeOf: (value: Value, name: string) => Value;
  readonly itemOf: (value: Value, key: Value) => Value;
}

/** @throws TemplateFault where the values do not fit the text; TemplateUnsupported */
export function formatBraces(format: Str, list: readonly Value[], named: Named, members: Members): Str {
  const source = plain(format);
  spend(source.length);
  const parts: Str[] = [];
  let end = 0;
  let next = 0;
  let counted: boolean | null = null;
  for (const match of source.matchAll(PART)) {
    parts.push(sub(format, end, match.index));
    end = match.index + match[0].length;
    const field = match[1];
    if (field === undefined) {
      if (match[0].length < 2) {
        if (match[0] === '{' && source.slice(end).includes('}'))
          throw new TemplateUnsupported('formats inside of formats');
        throw new TemplateFault('a format has a single brace');
      }
      parts.push(match[0][0]!);
      continue;
    }
    const [, path = '', conversion, spec = ''] = /^([^!:]*)(?:!([^:]*))?(?::([^]*))?$/.exec(field) ?? [];
    const first = /^[^.[]*/.exec(path)![0];
    const isCounted = first === '';
    if (isCounted || /^\d+$/.test(first)) {
      if (counted !== null && counted !== isCounted)
        throw new TemplateFault('a format both counts its places and has numbers');
      counted = isCounted;
    }
    const start = isCounted ? list[next++] : /^\d+$/.test(first) ? list[Number(first)] : named.get(first);
    if (start === undefined) throw new TemplateFault(`a format has no value ${JSON.stringify(first)}`);
    parts.push(formatted(converted(follow(start, path.slice(first.length), members), conversion), spec));
  }
  parts.push(sub(format, end));
  return concat(parts);
}

function follow(start: Value, path: string, { attributeOf, itemOf }: Members): Value {
  let value = start;
  let rest = path;
  while (rest !== '') {
    const step = /^\.([^.[]+)|^\[([^\]]+)\]/.exec(rest);
    if (!step) throw new TemplateFault('a format has a broken name');
    const [whole, attribute, key] = step;
    if (attribute !== undefined) value = attributeOf(value, attribute);
    else value = itemOf(value, /^\d+$/.test(key!) ? BigInt(key!) : key!);
    rest = rest.slice(whole.length);
  }
  return value;
}

function converted(value: Value, conversion: string | undefined): Value {
  if (conversion === undefined) return value;
  if (conversion === 's') return printed(value);
  if (conversion === 'r') return represented(value);
  throw conversion === 'a'
    ? new TemplateUnsupported('the conversion "!a"')
    : new TemplateFault('a format has an unknown conversion');
}

const SPEC = /^(?:([^])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** Python's `format(value, spec)`. */
function formatted(value: Value, spec: string): Str {
  if (spec === '') return printed(value);
  const match = SPEC.exec(spec);
  if (!match) throw new TemplateFault(`a format has an unknown part ${JSON.stringify(spec)}`);
  const [, fill, align, sign = '-', alternative, zero, width, group, precision, type] = match;
  const layout = { fill: fill ?? (zero ? '0' : ' '), width: Number(width ?? 0) };
  const digits = precision === undefined ? null : Number(precision);
  if (alternative !== undefined) throw new TemplateUnsupported('the flag "#" of a format');
  if (isStr(value)) {
    if ((type !== undefined && type !== 's') || match[3] !== undefined || group !== undefined || align === '=') {
      throw new TemplateFault('a text is written by the format of a number');
    }
    return aligned(cutTo(value, digits), { ...layout, align: align ?? '<' });
  }
  if (!isNumber(value)) throw new TemplateFault(`a ${typeName(value)} has no formats`);
  const number = asNumber(value);
  if (typeof value === 'boolean' && type === undefined) throw new TemplateUnsupported('formats of booleans');
  const body = grouped(numberText(number, type, digits), group);
  const prefix = isNegative(number) ? '-' : sign === '-' ? '' : sign;
  if (group !== undefined && (zero !== undefined || (type !== undefined && !'dfF'.includes(type)))) {
    throw new TemplateUnsupported('groups of such digits');
  }
  return aligned(prefix + body, { ...layout, align: align ?? (zero ? '=' : '>') }, prefix.length);
}

function numberText(number: bigint | number, type: string | undefined, precision: number | null): string {
  if (type === undefined && typeof number === 'number') {
    if (precision !== null) throw new TemplateUnsupported('a precision without the letter "f"');
    return floatText(Math.abs(number));
  }
  if (typeof number === 'bigint' && precision !== null && !'fF%'.includes(type ?? 'd')) {
    throw new TemplateFault('the format of an integer has a precision');
  }
  return digitsOf(number, type ?? 'd', precision);
}

function grouped(digits: string, group: string | undefined): string {
  if (group === undefined) return digits;
  const [whole, ...rest] = digits.split('.') as [string, ...string[]];
  if (!/^\d+$/.test(whole)) throw new TemplateUnsupported('groups of such digits');
  return [whole.replaceAll(/\B(?=(?:\d{3})+$)/g, group), ...rest].join('.');
}
