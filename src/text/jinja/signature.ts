// Arguments by position and by name, put in the order of a function's parameters.

import { TemplateFault } from './faults.ts';
import { asNumber, Callable, isNumber, type Named, typeName, type Value } from './values.ts';
import { isStr, plain, type Str } from './text.ts';

/** Arguments in order; undefined where one is left out. */
export type Ordered = (Value | undefined)[];

/**
 * Makes a function that puts arguments in order.
 *
 * @param parameters names with spaces between them: `name!` has to be given, and those before a `/` have no names
 */
export function signature(parameters: string): (list: readonly Value[], named: Named) => Ordered {
  const words = parameters.split(' ').filter((word) => word !== '');
  const nameless = words.indexOf('/');
  const names = words.filter((word) => word !== '/').map((word) => word.replace('!', ''));
  const required = words.filter((word) => word !== '/').map((word) => word.endsWith('!'));
  return (list, named) => {
    if (list.length > names.length) throw new TemplateFault(`there are ${list.length} arguments for ${names.length}`);
    const ordered: Ordered = names.map((_, index) => list[index]);
    for (const [name, value] of named) {
      const index = names.indexOf(name);
      if (index < Math.max(0, nameless) || ordered[index] !== undefined) {
        throw new TemplateFault(`there is no argument ${JSON.stringify(name)}, or it is given twice`);
      }
      ordered[index] = value;
    }
    const missing = names.find((_, index) => required[index] && ordered[index] === undefined);
    if (missing !== undefined) throw new TemplateFault(`the argument ${JSON.stringify(missing)} is missing`);
    return ordered;
  };
}

/** A function that the template can call. */
export function callable(parameters: string, call: (...ordered: Ordered) => Value, type?: string): Callable {
  const order = signature(parameters);
  return new Callable((list, named) => call(...order(list, named)), type);
}

/** An argument that has to be text. */
export function textArgument(value: Value | undefined): Str {
  if (value !== undefined && isStr(value)) return value;
  throw new TemplateFault(`an argument is a ${value === undefined ? 'None' : typeName(value)}, and has to be a text`);
}

/** The same, its characters alone. */
export function plainArgument(value: Value | undefined): string {
  return plain(textArgument(value));
}

/** An argument that has to be an integer. */
export function integerArgument(value: Value): bigint {
  const number = isNumber(value) ? asNumber(value) : null;
  if (typeof number === 'bigint') return number;
  throw new TemplateFault(`an argument is a ${typeName(value)}, and has to be an integer`);
}

/** The same as a number, cut to what JavaScript counts exactly. */
export function countArgument(value: Value | undefined, missing: number): number {
  if (value === undefined) return missing;
  const integer = integerArgument(value);
  return Number(BigInt.asIntN(54, integer) === integer ? integer : integer < 0n ? -(2n ** 53n) : 2n ** 53n);
}
