// `attribute='a.b.0'` of filters.

import { itemOf } from './members.ts';
import { isStr, mapped, plain } from './text.ts';
import { Undefined, type Value } from './values.ts';

/**
 * A function that follows a path from an item; numbers in it are places in lists.
 *
 * @param otherwise what stands for a member that is not there; null for none
 */
export function mapAttribute(attribute: Value, otherwise: Value = null): (item: Value) => Value {
  const steps = pathOf(attribute);
  return (item) => {
    let value = item;
    for (const step of steps) {
      value = itemOf(value, step);
      if (otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return value;
  };
}

function pathOf(attribute: Value): Value[] {
  if (attribute === null) return [];
  if (!isStr(attribute)) return [attribute];
  return plain(attribute)
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
}

/** The same for several paths, between commas. */
export function mapAttributes(attribute: Value): (item: Value) => Value[] {
  const paths = isStr(attribute) ? plain(attribute).split(',') : [attribute];
  const getters = paths.map((path) => mapAttribute(path));
  return (item) => getters.map((get) => get(item));
}

/** Text in small letters, where case does not count; anything else as it is. */
export function ignoringCase(value: Value): Value {
  return isStr(value) ? mapped(value, (text) => text.toLowerCase()) : value;
}
