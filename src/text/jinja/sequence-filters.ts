// Filters of lists: order, parts, sums.

import { ignoringCase, mapAttribute, mapAttributes } from './attribute-path.ts';
import { spend } from './budget.ts';
import { TemplateFault } from './faults.ts';
import type { Filter } from './filter.ts';
import { binary } from './operators.ts';
import { countArgument, integerArgument } from './signature.ts';
import { charactersOf, concat, isStr, plain } from './text.ts';
import {
  compare,
  Dict,
  equals,
  iterate,
  keyOf,
  listOf,
  Once,
  sizeOf,
  Tuple,
  truth,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** Items in the order of what a function gives for each, equal ones as they were. */
function ordered(items: readonly Value[], key: (item: Value) => Value, reverse: boolean): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  const direction = reverse ? -1 : 1;
  // Python asks for "less" alone: what has no order to itself stays where it is.
  keyed.sort((a, b) => direction * (compare(a.key, b.key) || 0));
  return keyed.map(({ item }) => item);
}

function caseOf(sensitive: Value | undefined): (value: Value) => Value {
  return truth(sensitive ?? false) ? (value) => value : ignoringCase;
}

function sort(value: Value, reverse: Value = false, sensitive: Value = false, attribute: Value = null): Value {
  const get = mapAttributes(attribute);
  return ordered(listOf(value), (item) => get(item).map(caseOf(sensitive)), truth(reverse));
}

function dictSort(value: Value, sensitive: Value = false, by: Value = 'key', reverse: Value = false): Value {
  const place = isStr(by) ? ['key', 'value'].indexOf(plain(by)) : -1;
  if (place < 0) throw new TemplateFault('"dictsort" sorts by "key" or "value"');
  if (!(value instanceof Dict)) throw new TemplateFault(`"dictsort" is given a ${typeName(value)}`);
  const pairs = value.entries().map((entry) => new Tuple(entry));
  return ordered(pairs, (pair) => caseOf(sensitive)((pair as Tuple).items[place]!), truth(reverse));
}

function* unique(value: Value, sensitive?: Value, attribute: Value = null): Generator<Value, void> {
  const get = mapAttribute(attribute);
  const seen = new Set<unknown>();
  for (const item of listOf(value)) {
    const key = keyOf(caseOf(sensitive)(get(item)));
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

function extreme(sign: number): (value: Value, sensitive?: Value, attribute?: Value) => Value {
  return (value, sensitive, attribute = null) => {
    const items = listOf(value);
    const get = mapAttribute(attribute);
    const [head, ...rest] = items.map((item) => ({ item, key: caseOf(sensitive)(get(item)) }));
    if (head === undefined) return new Undefined('an empty list has no least and no greatest item');
    return rest.reduce((best, next) => (compare(next.key, best.key) * sign > 0 ? next : best), head).item;
  };
}

function groupBy(value: Value, attribute: Value | undefined, otherwise: Value = null, sensitive: Value = false): Value {
  const get = mapAttribute(attribute!, otherwise);
  const key = (item: Value) => caseOf(sensitive)(get(item));
  const groups: Value[][] = [];
  let before: Value | undefined;
  for (const item of ordered(listOf(value), key, false)) {
    const own = key(item);
    if (before === undefined || !equals(before, own)) groups.push([]);
    before = own;
    groups.at(-1)!.push(item);
  }
  return groups.map((items) => new Tuple([get(items[0]!), items], ['grouper', 'list']));
}

function* batches(value: Value, size: Value | undefined, fill: Value = null): Generator<Value, void> {
  let batch: Value[] = [];
  const most = countArgument(integerArgument(size!), 0);
  for (const item of listOf(value)) {
    if (batch.length === most) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  const missing = fill === null ? 0 : Math.max(0, most - batch.length);
  spend(missing);
  yield [...batch, ...Array.from({ length: missing }, () => fill)];
}

function* slices(value: Value, parts: Value | undefined, fill: Value = null): Generator<Value, void> {
  const items = listOf(value);
  const number = countArgument(integerArgument(parts!), 0);
  if (number === 0) throw new TemplateFault('it divides by zero');
  const size = Math.floor(items.length / number);
  const larger = items.length - size * number;
  let at = 0;
  for (let index = 0; index < number; index++) {
    spend(1);
    const end = at + size + (index < larger ? 1 : 0);
    const part = items.slice(at, end);
    if (fill !== null && index >= larger) part.push(fill);
    yield part;
    at = end;
  }
}

function sum(value: Value, attribute: Value = null, start: Value = 0n): Value {
  if (isStr(start)) throw new TemplateFault('"sum" is given a text to start with');
  const items = attribute === null ? listOf(value) : listOf(value).map(mapAttribute(attribute));
  return items.reduce((total, item) => binary('+', total, item), start);
}

function reversed(value: Value): Value {
  if (isStr(value)) return concat(charactersOf(value).toReversed());
  return new Once(listOf(value).toReversed().values(), 'list_reverseiterator');
}

function first(value: Value): Value {
  const next = iterate(value).next();
  return next.done ? new Undefined('an empty list has no first item') : next.value;
}

function last(value: Value): Value {
  if (sizeOf(value) === null)
    throw new TemplateFault(`"last" is given a ${typeName(value)}, whose items come one by one`);
  const item = listOf(value).at(-1);
  return item === undefined ? new Undefined('an empty list has no last item') : item;
}

function count(value: Value): Value {
  const size = sizeOf(value);
  if (size === null) throw new TemplateFault(`a ${typeName(value)} has no length`);
  return BigInt(size);
}

export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  batch: ['linecount! fill_with', (value, size, fill) => new Once(batches(value, size, fill))],
  count: ['', count],
  dictsort: ['case_sensitive by reverse', dictSort],
  first: ['', first],
  groupby: ['attribute! default case_sensitive', groupBy],
  last: ['', last],
  length: ['', count],
  list: ['', listOf],
  max: ['case_sensitive attribute', extreme(1)],
  min: ['case_sensitive attribute', extreme(-1)],
  reverse: ['', reversed],
  slice: ['slices! fill_with', (value, number, fill) => new Once(slices(value, number, fill))],
  sort: ['reverse case_sensitive attribute', sort],
  sum: ['attribute start', sum],
  unique: ['case_sensitive attribute', (value, sensitive, attribute) => new Once(unique(value, sensitive, attribute))],
};
