// Filters that apply another filter, or a test, to every item.

import { mapAttribute } from './attribute-path.ts';
import { spend } from './budget.ts';
import { TemplateFault } from './faults.ts';
import type { Appliers, Filter } from './filter.ts';
import { printed } from './print.ts';
import { plain } from './text.ts';
import { iterate, type Named, Once, truth, type Value } from './values.ts';

/** Goes through items one by one, as they are asked for. */
function* each(value: Value): Generator<Value, void> {
  const items = iterate(value);
  for (let next = items.next(); !next.done; next = items.next()) {
    spend(1);
    yield next.value;
  }
}

function* mappedItems(
  value: Value,
  list: readonly Value[],
  named: Named,
  { filter }: Appliers,
): Generator<Value, void> {
  if (!truth(value)) return;
  const change = mapping(list, named, filter);
  for (const item of each(value)) yield change(item);
}

function mapping(list: readonly Value[], named: Named, filter: Appliers['filter']): (item: Value) => Value {
  const attribute = named.get('attribute');
  if (list.length === 0 && attribute !== undefined) {
    const others = [...named.keys()].filter((name) => name !== 'attribute' && name !== 'default');
    if (others.length > 0) throw new TemplateFault(`"map" has no argument "${others[0]}"`);
    return mapAttribute(attribute, named.get('default') ?? null);
  }
  const [name, ...rest] = list;
  if (name === undefined) throw new TemplateFault('"map" takes a filter, or an attribute');
  return (item) => filter(plain(printed(name)), item, rest, named);
}

function* selected(
  [value, list, named, { test }]: Parameters<Exclude<Filter, readonly unknown[]>>,
  wanted: boolean,
  byAttribute: boolean,
): Generator<Value, void> {
  if (!truth(value)) return;
  if (byAttribute && list.length === 0) throw new TemplateFault('the name of an attribute is missing');
  const get = byAttribute ? mapAttribute(list[0]!) : (item: Value) => item;
  const [name, ...rest] = byAttribute ? list.slice(1) : list;
  const holds = (item: Value) => (name === undefined ? truth(item) : test(plain(printed(name)), item, rest, named));
  for (const item of each(value)) if (holds(get(item)) === wanted) yield item;
}

function selection(wanted: boolean, byAttribute: boolean): Filter {
  return (...given) => new Once(selected(given, wanted, byAttribute));
}

export const SELECTION_FILTERS: Readonly<Record<string, Filter>> = {
  map: (value, list, named, appliers) => new Once(mappedItems(value, list, named, appliers)),
  reject: selection(false, false),
  rejectattr: selection(false, true),
  select: selection(true, false),
  selectattr: selection(true, true),
};
