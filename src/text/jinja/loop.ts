// The variable `loop` of a `for`.

import { TemplateFault } from './faults.ts';
import { Callable, equals, iterate, type Named, sizeOf, Thing, Tuple, Undefined, type Value } from './values.ts';

/** Items of a loop, with what the template may ask about where it is. */
export class Loop extends Thing {
  readonly type = 'LoopContext';
  readonly #depth: number;
  readonly #recurse: ((items: Value, depth: number) => Value) | null;
  #items: Iterator<Value>;
  #length: number | null;
  #index = -1;
  #before: Value | undefined;
  #current: Value | undefined;
  /** The next item, where it is taken already. */
  #after: Value | undefined;
  #changed: Value | undefined;

  /**
   * @param items what is gone through
   * @param depth how many such loops are around
   * @param recurse goes through other items by the same body; null where the loop is not recursive
   */
  constructor(items: Value, depth: number, recurse: ((items: Value, depth: number) => Value) | null) {
    super();
    this.#items = iterate(items);
    this.#length = sizeOf(items);
    this.#depth = depth;
    this.#recurse = recurse;
  }

  /** The next item; undefined at the end. */
  next(): Value | undefined {
    const item = this.#peek();
    this.#after = undefined;
    if (item === undefined) return undefined;
    this.#index++;
    this.#before = this.#current;
    this.#current = item;
    return item;
  }

  override get isCallable(): boolean {
    return true;
  }

  override call(list: readonly Value[], named: Named): Value {
    const [items] = list;
    if (items === undefined || list.length > 1 || named.size > 0)
      throw new TemplateFault('"loop" takes what to go through');
    if (this.#recurse === null) throw new TemplateFault('"loop" is called in a loop that is not recursive');
    return this.#recurse(items, this.#depth + 1);
  }

  override attribute(name: string): Value | undefined {
    const index = this.#index;
    switch (name) {
      case 'index':
        return BigInt(index + 1);
      case 'index0':
        return BigInt(index);
      case 'revindex':
        return BigInt(this.#size() - index);
      case 'revindex0':
        return BigInt(this.#size() - index - 1);
      case 'first':
        return index === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return BigInt(this.#size());
      case 'depth':
        return BigInt(this.#depth + 1);
      case 'depth0':
        return BigInt(this.#depth);
      case 'previtem':
        return index === 0 ? new Undefined('there is no previous item') : this.#before;
      case 'nextitem':
        return this.#next();
      case 'cycle':
        return this.#cycle();
      case 'changed':
        return new Callable((list, named) => this.#hasChanged(list, named), 'method');
      default:
        return undefined;
    }
  }

  override iterate(): Iterator<Value> | null {
    return null;
  }

  override size(): number {
    return this.#size();
  }

  override print(): string {
    return `<LoopContext ${this.#index + 1}/${this.#size()}>`;
  }

  #cycle(): Value {
    return new Callable((list, named) => {
      if (list.length === 0 || named.size > 0) throw new TemplateFault('"loop.cycle" has nothing to go through');
      return list[this.#index % list.length]!;
    }, 'method');
  }

  #hasChanged(list: readonly Value[], named: Named): boolean {
    if (named.size > 0) throw new TemplateFault('"loop.changed" takes no names');
    const value = new Tuple(list);
    if (this.#changed !== undefined && equals(this.#changed, value)) return false;
    this.#changed = value;
    return true;
  }

  #next(): Value {
    const item = this.#peek();
    return item === undefined ? new Undefined('there is no next item') : item;
  }

  #peek(): Value | undefined {
    if (this.#after === undefined) {
      const next = this.#items.next();
      if (!next.done) this.#after = next.value;
    }
    return this.#after;
  }

  /** The number of all items: where it is not known, the rest is taken now. */
  #size(): number {
    if (this.#length === null) {
      const rest: Value[] = [];
      for (let next = this.#items.next(); !next.done; next = this.#items.next()) rest.push(next.value);
      this.#items = rest.values();
      this.#length = rest.length + this.#index + 1 + (this.#after === undefined ? 0 : 1);
    }
    return this.#length;
  }
}
