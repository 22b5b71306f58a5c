// The values of a template: those of Python. An integer is a bigint, a float a number, None is null, a list an array.

import { spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { charactersOf, compareText, isStr, lengthOf, plain, type Str } from './text.ts';

export type Value = null | boolean | bigint | number | Str | Value[] | Tuple | Dict | Undefined | Thing;

/** Named arguments. */
export type Named = ReadonlyMap<string, Value>;

/** A value that Python has as an object of a class of its own. */
export abstract class Thing {
  /** The name of its class. */
  abstract readonly type: string;

  /** Whether it can be called. */
  get isCallable(): boolean {
    return false;
  }

  /** A member; undefined where there is none. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }

  /** How it prints. Most print where they stand in memory, which is nowhere the same. */
  print(): string {
    throw new TemplateUnsupported(`the printing of a ${this.type}`);
  }

  /** Its items, where it can be gone through. */
  iterate(): Iterator<Value> | null {
    return null;
  }

  /** How many items it has, where that is known before they are taken. */
  size(): number | null {
    return null;
  }

  call(_list: readonly Value[], _named: Named): Value {
    throw new TemplateFault(`a ${this.type} is called, which is no function`);
  }
}

/** The value of a name or member that is not there. */
export class Undefined {
  /** The missing name or member, in words. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A list that cannot change; made of two by `groupby`, its parts have names. */
export class Tuple {
  readonly items: readonly Value[];
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** A dictionary, in the order of first insertion. */
export class Dict {
  readonly #entries = new Map<unknown, [Value, Value]>();

  constructor(pairs: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of pairs) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** Keeps the key that is there already, as Python does: 1 and true are the same. */
  set(key: Value, value: Value): void {
    const id = keyOf(key);
    this.#entries.set(id, [this.#entries.get(id)?.[0] ?? key, value]);
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key);
  }

  entries(): [Value, Value][] {
    spend(this.#entries.size);
    return [...this.#entries.values()];
  }
}

const thingKeys = new WeakMap<object, string>();
let lastThing = 0;

/** The same primitive for equal values, as Python's hash tables see them. */
export function keyOf(value: Value): unknown {
  if (isStr(value)) return `s${plain(value)}`;
  if (typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'bigint' || value === null) return value;
  if (value instanceof Tuple) {
    const parts = value.items.map((item) => {
      const key = keyOf(item);
      const text = String(key);
      return `${typeof key}${text.length}:${text}`;
    });
    return `t${parts.join()}`;
  }
  if (value instanceof Undefined) return 'u';
  if (!(value instanceof Thing) || value.type === 'dict_items' || value.type === 'dict_keys') {
    throw new TemplateFault(`a ${typeName(value)} is no key, as it can change`);
  }
  // Each is equal to itself alone.
  const known = thingKeys.get(value) ?? `o${++lastThing}`;
  thingKeys.set(value, known);
  return known;
}

/** A function, or a method with its object. */
export class Callable extends Thing {
  readonly type: string;

  override get isCallable(): boolean {
    return true;
  }

  readonly #call: (list: readonly Value[], named: Named) => Value;

  constructor(call: (list: readonly Value[], named: Named) => Value, type = 'function') {
    super();
    this.type = type;
    this.#call = call;
  }

  override call(list: readonly Value[], named: Named): Value {
    return this.#call(list, named);
  }
}

/** Items that can be taken once: what most filters give. */
export class Once extends Thing {
  readonly type: string;
  readonly #items: Iterator<Value>;

  constructor(items: Iterator<Value>, type = 'generator') {
    super();
    this.#items = items;
    this.type = type;
  }

  override iterate(): Iterator<Value> {
    return this.#items;
  }
}

/** The name of a value's class, as Python has it. */
export function typeName(value: Value): string {
  if (isStr(value)) return 'str';
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  return value instanceof Undefined ? 'Undefined' : value.type;
}

// One rendering runs at a time, as budget.ts says.
let undefinedUse: 'empty' | 'refused' = 'empty';

/** Runs a rendering in which something undefined prints and counts as nothing, or is refused as jinja2's StrictUndefined. */
export function withUndefined<Result>(use: 'empty' | 'refused', work: () => Result): Result {
  const before = undefinedUse;
  undefinedUse = use;
  try {
    return work();
  } finally {
    undefinedUse = before;
  }
}

/** Whether a value is undefined. @throws TemplateFault where it is, and that is refused */
export function isEmptyUndefined(value: Value): value is Undefined {
  if (!(value instanceof Undefined)) return false;
  if (undefinedUse === 'refused') throw new TemplateFault(value.reason);
  return true;
}

/** Raises what the use of something undefined raises. */
export function refuseUndefined(value: Value): void {
  if (value instanceof Undefined) throw new TemplateFault(value.reason);
}

/** Whether a condition holds for it. */
export function truth(value: Value): boolean {
  if (isStr(value)) return plain(value) !== '';
  if (value === null || isEmptyUndefined(value)) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  return value.size() !== 0;
}

/** The number of items; null where it has no length. */
export function sizeOf(value: Value): number | null {
  if (isStr(value)) return lengthOf(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (isEmptyUndefined(value)) return 0;
  return value instanceof Thing ? value.size() : null;
}

/** Whether `for` can go through it. */
export function isIterable(value: Value): boolean {
  return isStr(value) || typeof value !== 'object' ? isStr(value) : iteratorOf(value) !== null;
}

function iteratorOf(value: Value): Iterator<Value> | null {
  if (isStr(value)) return charactersOf(value).values();
  if (Array.isArray(value)) return value.values();
  if (value instanceof Tuple) return value.items.values();
  if (value instanceof Dict) return value.keys().values();
  if (isEmptyUndefined(value)) return [].values();
  return value instanceof Thing ? value.iterate() : null;
}

/** Goes through a value's items; a dictionary gives its keys. */
export function iterate(value: Value): Iterator<Value> {
  const items = iteratorOf(value);
  if (items === null) throw new TemplateFault(`a ${typeName(value)} has no items to go through`);
  return items;
}

/** A value's items, in a new list. */
export function listOf(value: Value): Value[] {
  const items: Value[] = [];
  const iterator = iterate(value);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    spend(1);
    items.push(next.value);
  }
  return items;
}

/** Whether it counts as a number in arithmetic. */
export function isNumber(value: Value): value is boolean | bigint | number {
  return typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number';
}

/** A number, with true and false as 1 and 0. */
export function asNumber(value: boolean | bigint | number): bigint | number {
  return typeof value === 'boolean' ? BigInt(value) : value;
}

/** Python's `==`. */
export function equals(a: Value, b: Value): boolean {
  spend(1);
  if (isStr(a) && isStr(b)) return plain(a) === plain(b);
  if (isNumber(a) && isNumber(b)) return asNumber(a) == asNumber(b); // eslint-disable-line eqeqeq -- of two types
  if (Array.isArray(a) && Array.isArray(b)) return sameItems(a, b);
  if (a instanceof Tuple && b instanceof Tuple) return sameItems(a.items, b.items);
  if (a instanceof Undefined && b instanceof Undefined) return true;
  if (a instanceof Dict && b instanceof Dict) {
    if (a.size !== b.size) return false;
    return a.entries().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && same(value, other);
    });
  }
  if (a instanceof Thing && b instanceof Thing) return a === b || equalThings(a, b);
  return a === b;
}

function equalThings(a: Thing, b: Thing): boolean {
  if (a.type !== b.type || (a.type !== 'range' && a.type !== 'dict_keys')) return false;
  return sameItems(listOf(a), listOf(b));
}

/** Whether two values are equal as members: what is itself is equal, also a float that is not a number. */
export function same(a: Value, b: Value): boolean {
  return Object.is(a, b) || equals(a, b);
}

function sameItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, index) => same(item, b[index]!));
}

/** Python's `<`, `<=`, `>` and `>=`: negative, zero or positive; NaN where neither holds. */
export function compare(a: Value, b: Value): number {
  spend(1);
  refuseUndefined(a);
  refuseUndefined(b);
  if (isStr(a) && isStr(b)) return compareText(plain(a), plain(b));
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [asNumber(a), asNumber(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (Array.isArray(a) && Array.isArray(b)) return compareItems(a, b);
  if (a instanceof Tuple && b instanceof Tuple) return compareItems(a.items, b.items);
  throw new TemplateFault(`a ${typeName(a)} and a ${typeName(b)} have no order`);
}

function compareItems(a: readonly Value[], b: readonly Value[]): number {
  const index = a.findIndex((item, at) => at >= b.length || !same(item, b[at]!));
  if (index < 0 || index >= b.length) return a.length - b.length;
  return compare(a[index]!, b[index]!);
}
