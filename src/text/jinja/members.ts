// `value.name` and `value[key]`, as jinja2's sandbox gives them. Only what is listed here can be reached: no property of
// JavaScript, and nothing that changes a list or dictionary.

import { spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { callable, countArgument, integerArgument } from './signature.ts';
import { stringMethod } from './string-methods.ts';
import { charactersOf, concat, isStr, lengthOf, offsetOf, plain, type Str, sub } from './text.ts';
import {
  Dict,
  isNumber,
  listOf,
  refuseUndefined,
  same,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import { DictView } from './dict-view.ts';

/** The methods that jinja2's sandbox denies to templates, since they change values. */
const UNSAFE = {
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
};

/** Members of numbers in Python: chat templates use none. */
const NUMBER_MEMBERS =
  /^(?:as_integer_ratio|bit_count|bit_length|conjugate|denominator|from_bytes|fromhex|hex|imag|is_integer|numerator|real|to_bytes)$/;

/** `value.name` */
export function attributeOf(value: Value, name: string): Value {
  refuseUndefined(value);
  const found = member(value, name);
  if (found !== undefined) return found;
  if (value instanceof Dict) {
    const entry = value.get(name);
    if (entry !== undefined) return entry;
  }
  return missing(value, JSON.stringify(name));
}

/** `value[key]` */
export function itemOf(value: Value, key: Value): Value {
  refuseUndefined(value);
  if (key instanceof Slice) return key.of(value);
  const found = item(value, key);
  if (found !== undefined) return found;
  const own = isStr(key) ? member(value, plain(key)) : undefined;
  return own === undefined ? missing(value, isStr(key) ? JSON.stringify(plain(key)) : 'that') : own;
}

/** Whether a value has a member of its class, apart from a dictionary's items. */
export function hasMember(value: Value, name: string): boolean {
  return member(value, name) !== undefined;
}

function missing(value: Value, what: string): Undefined {
  return new Undefined(`a ${typeName(value)} has no ${what.slice(0, 60)}`);
}

function unsafe(value: Value, name: string): Undefined {
  return new Undefined(
    `"${name}" of a ${typeName(value)} is not for templates, as it changes or opens what it belongs to`,
  );
}

/** A member of a value's class; undefined where it has none of that name. */
function member(value: Value, name: string): Value | undefined {
  if (name.startsWith('__')) return /^__\w+__$/.test(name) ? unsafe(value, name) : undefined;
  if (isStr(value)) return stringMethod(value, name, { attributeOf, itemOf });
  if (Array.isArray(value)) return UNSAFE.list.includes(name) ? unsafe(value, name) : listMethod(value, name, true);
  if (value instanceof Tuple) {
    const index = value.names.indexOf(name);
    return index < 0 ? listMethod(value.items, name, false) : value.items[index];
  }
  if (value instanceof Dict) return UNSAFE.dict.includes(name) ? unsafe(value, name) : dictMethod(value, name);
  if (value instanceof Thing) return value.attribute(name);
  if (isNumber(value) && NUMBER_MEMBERS.test(name)) throw new TemplateUnsupported(`"${name}" of numbers`);
  return undefined;
}

function listMethod(items: readonly Value[], name: string, isList: boolean): Value | undefined {
  if (name === 'count') {
    return callable('value! /', (value) => BigInt(items.filter((one) => same(one, value!)).length));
  }
  if (name === 'copy' && isList) return callable('', () => [...items]);
  if (name !== 'index') return undefined;
  return callable('value! start stop /', (value, start, stop) => {
    const [from, to] = clamp(items.length, countArgument(start, 0), countArgument(stop, items.length));
    const index = items.findIndex((one, at) => at >= from && at < to && same(one, value!));
    if (index < 0) throw new TemplateFault('a list is asked for the place of what it has not');
    return BigInt(index);
  });
}

function dictMethod(dict: Dict, name: string): Value | undefined {
  switch (name) {
    case 'get':
      return callable('key! default /', (key, otherwise = null) => valueOr(dict.get(key!), otherwise));
    case 'keys':
    case 'values':
    case 'items':
      return callable('', () => new DictView(dict, name));
    case 'copy':
      return callable('', () => new Dict(dict.entries()));
    case 'fromkeys':
      throw new TemplateUnsupported('"fromkeys" of dictionaries');
    default:
      return undefined;
  }
}

function item(value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) return hashable(key) ? value.get(key) : undefined;
  if (!isNumber(key) || typeof key === 'number') return undefined;
  const index = countArgument(key, 0);
  if (isStr(value)) return characterAt(value, index);
  if (Array.isArray(value)) return value.at(index);
  if (value instanceof Tuple) return value.items.at(index);
  return value instanceof Thing && value.type === 'range' ? listOf(value).at(index) : undefined;
}

function valueOr(value: Value | undefined, otherwise: Value): Value {
  return value === undefined ? otherwise : value;
}

function hashable(key: Value): boolean {
  return !(Array.isArray(key) || key instanceof Dict || key instanceof Slice);
}

function characterAt(text: Str, index: number): Str | undefined {
  const length = lengthOf(text);
  const at = index < 0 ? index + length : index;
  return at < 0 || at >= length ? undefined : sub(text, offsetOf(text, at), offsetOf(text, at + 1));
}

/** Where a slice between two places begins and ends, of so many items. */
export function clamp(length: number, start: number, stop: number): [number, number] {
  const place = (at: number) => Math.min(length, Math.max(0, at < 0 ? at + length : at));
  return [place(start), place(stop)];
}

/** `start:stop:step` between brackets. */
export class Slice extends Thing {
  readonly type = 'slice';
  readonly #bounds: readonly (Value | null)[];

  constructor(bounds: readonly (Value | null)[]) {
    super();
    this.#bounds = bounds;
  }

  /** The part of a text or list. */
  of(value: Value): Value {
    if (isStr(value)) return this.#ofText(value);
    if (Array.isArray(value)) return this.#pick(value);
    if (value instanceof Tuple) return new Tuple(this.#pick(value.items));
    if (value instanceof Thing && value.type === 'range') throw new TemplateUnsupported('slices of ranges');
    throw new TemplateFault(`a ${typeName(value)} has no parts`);
  }

  #ofText(text: Str): Str {
    const [start, stop, step] = this.#places(lengthOf(text));
    if (step === 1) return start >= stop ? sub(text, 0, 0) : sub(text, offsetOf(text, start), offsetOf(text, stop));
    return concat(pick(charactersOf(text), start, stop, step));
  }

  #pick<Item>(items: readonly Item[]): Item[] {
    return pick(items, ...this.#places(items.length));
  }

  /** Where it begins and ends, and its step. */
  #places(length: number): [number, number, number] {
    const [start, stop, step] = this.#bounds.map((bound) =>
      bound === null ? undefined : countArgument(integerArgument(bound), 0),
    );
    const by = step ?? 1;
    if (by === 0) throw new TemplateFault('a slice has the step 0');
    if (by > 0) return [...clamp(length, start ?? 0, stop ?? length), by];
    const place = (at: number) => Math.min(length - 1, Math.max(-1, at < 0 ? at + length : at));
    return [start === undefined ? length - 1 : place(start), stop === undefined ? -1 : place(stop), by];
  }
}

function pick<Item>(items: readonly Item[], start: number, stop: number, step: number): Item[] {
  const picked: Item[] = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) picked.push(items[at]!);
  spend(picked.length);
  return picked;
}
