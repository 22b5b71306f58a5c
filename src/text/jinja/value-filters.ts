// Filters of single values: numbers, defaults, members.

import { TemplateFault } from './faults.ts';
import type { Filter } from './filter.ts';
import { attributeOf, hasMember } from './members.ts';
import { parseFloatText, parseIntegerText, roundFloat, roundInteger, toFloat, truncated } from './numbers.ts';
import { binary } from './operators.ts';
import { printed } from './print.ts';
import { countArgument, integerArgument } from './signature.ts';
import { isStr, plain } from './text.ts';
import {
  asNumber,
  Dict,
  isNumber,
  Once,
  refuseUndefined,
  Tuple,
  truth,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

function toInteger(value: Value, otherwise: Value = 0n, base: Value = 10n): Value {
  refuseUndefined(value);
  if (isStr(value)) {
    const integer = parseIntegerText(plain(value), countArgument(integerArgument(base), 10));
    if (integer !== null) return integer;
    const float = parseFloatText(plain(value));
    return float === null || !Number.isFinite(float) ? otherwise : truncated(float);
  }
  if (!isNumber(value)) return otherwise;
  const number = asNumber(value);
  if (typeof number === 'bigint') return number;
  // Python raises OverflowError here, which this filter does not catch at once.
  if (Math.abs(number) === Infinity) throw new TemplateFault('"int" is given an infinite number');
  return Number.isNaN(number) ? otherwise : truncated(number);
}

function toNumber(value: Value, otherwise: Value = 0): Value {
  refuseUndefined(value);
  if (isStr(value)) return parseFloatText(plain(value)) ?? otherwise;
  if (!isNumber(value)) return otherwise;
  const number = asNumber(value);
  return typeof number === 'bigint' ? toFloat(number) : number;
}

function round(value: Value, precision: Value = 0n, method: Value = 'common'): Value {
  const how = isStr(method) ? plain(method) : '';
  if (how !== 'common' && how !== 'ceil' && how !== 'floor')
    throw new TemplateFault('"round" takes "common", "ceil" or "floor"');
  refuseUndefined(value);
  if (!isNumber(value)) throw new TemplateFault(`"round" is given a ${typeName(value)}`);
  if (how === 'common') {
    const number = asNumber(value);
    if (typeof number === 'bigint') return roundInteger(number, integerArgument(precision));
    return roundFloat(number, countArgument(integerArgument(precision), 0));
  }
  const unit = binary('**', 10n, precision);
  const scaled = binary('*', value, unit);
  const number = isNumber(scaled) ? asNumber(scaled) : 0n;
  const whole =
    typeof number === 'bigint' ? number : truncated(how === 'ceil' ? Math.ceil(number) : Math.floor(number));
  return binary('/', whole, unit);
}

function absolute(value: Value): Value {
  refuseUndefined(value);
  if (!isNumber(value)) throw new TemplateFault(`"abs" is given a ${typeName(value)}`);
  const number = asNumber(value);
  if (typeof number === 'number') return Math.abs(number);
  return number < 0n ? -number : number;
}

function* pairsOf(value: Value): Generator<Value, void> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) throw new TemplateFault(`"items" is given a ${typeName(value)}`);
  yield* value.entries().map((entry) => new Tuple(entry));
}

function defaulted(value: Value, otherwise: Value = '', alsoFalse: Value = false): Value {
  return value instanceof Undefined || (truth(alsoFalse) && !truth(value)) ? otherwise : value;
}

function attribute(value: Value, name: Value | undefined): Value {
  const text = plain(printed(name!));
  refuseUndefined(value);
  return hasMember(value, text)
    ? attributeOf(value, text)
    : new Undefined(`a ${typeName(value)} has no ${JSON.stringify(text)}`);
}

export const VALUE_FILTERS: Readonly<Record<string, Filter>> = {
  abs: ['', absolute],
  attr: ['name!', attribute],
  d: ['default_value boolean', defaulted],
  default: ['default_value boolean', defaulted],
  float: ['default', toNumber],
  int: ['default base', toInteger],
  items: ['', (value) => new Once(pairsOf(value))],
  round: ['precision method', round],
};
