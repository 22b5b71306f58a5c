// Objects that a template makes by calling names that it finds: ranges, namespaces, cyclers and joiners.

import { spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { represented } from './print.ts';
import { callable, integerArgument, textArgument } from './signature.ts';
import { plain, type Str } from './text.ts';
import { Callable, Dict, isNumber, listOf, type Named, Thing, type Value } from './values.ts';

/** jinja2's own bound: more numbers are a mistake or an attack. */
const MAX_RANGE = 100_000n;

class Range extends Thing {
  readonly type = 'range';
  readonly #start: bigint;
  readonly #stop: bigint;
  readonly #step: bigint;

  constructor(start: bigint, stop: bigint, step: bigint) {
    super();
    [this.#start, this.#stop, this.#step] = [start, stop, step];
    if (step === 0n || BigInt(this.#length) > MAX_RANGE) {
      throw new TemplateFault(`range gives more than ${MAX_RANGE} numbers`);
    }
  }

  get #length(): number {
    const span = this.#step > 0n ? this.#stop - this.#start : this.#start - this.#stop;
    const step = this.#step > 0n ? this.#step : -this.#step;
    return span <= 0n ? 0 : Number((span + step - 1n) / step);
  }

  override size(): number {
    return this.#length;
  }

  override *iterate(): Generator<Value, void> {
    const length = this.#length;
    for (let index = 0; index < length; index++) {
      spend(1);
      yield this.#start + BigInt(index) * this.#step;
    }
  }

  override print(): string {
    const bounds = [this.#start, this.#stop, ...(this.#step === 1n ? [] : [this.#step])];
    return `range(${bounds.join(', ')})`;
  }

  override attribute(name: string): Value | undefined {
    const bounds = new Map<string, Value>([
      ['start', this.#start],
      ['stop', this.#stop],
      ['step', this.#step],
    ]);
    if (name === 'count' || name === 'index') throw new TemplateUnsupported(`"${name}" of ranges`);
    return bounds.get(name);
  }
}

function range(list: readonly Value[], named: Named): Range {
  if (
    named.size > 0 ||
    list.length < 1 ||
    list.length > 3 ||
    !list.every((one) => isNumber(one) && typeof one !== 'number')
  ) {
    throw new TemplateFault('range takes numbers, which are whole: one, two or three');
  }
  const [a = 0n, b, step = 1n] = list.map(integerArgument);
  return b === undefined ? new Range(0n, a, step) : new Range(a, b, step);
}

function dict(list: readonly Value[], named: Named): Dict {
  if (list.length > 1) throw new TemplateFault('dict takes one dictionary or list of pairs');
  const [from] = list;
  const pairs = from instanceof Dict ? from.entries() : from === undefined ? [] : listOf(from).map(pair);
  return new Dict([...pairs, ...named]);
}

function pair(value: Value): [Value, Value] {
  const [key, item, more] = listOf(value);
  if (key !== undefined && item !== undefined && more === undefined) return [key, item];
  throw new TemplateFault('a dictionary is made of what is no pair');
}

/** An object that a template can change, also from inside a loop. */
export class Namespace extends Thing {
  readonly type = 'Namespace';
  readonly #members: Dict;

  constructor(members: Dict) {
    super();
    this.#members = members;
  }

  set(name: string, value: Value): void {
    this.#members.set(name, value);
  }

  override attribute(name: string): Value | undefined {
    return this.#members.get(name);
  }

  override print(): string {
    return `<Namespace ${plain(represented(this.#members))}>`;
  }
}

class Cycler extends Thing {
  readonly type = 'Cycler';
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) throw new TemplateFault('a cycler has nothing to go through');
    this.#items = items;
  }

  get #current(): Value {
    return this.#items[this.#at]!;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'current':
        return this.#current;
      case 'pos':
        return BigInt(this.#at);
      case 'next':
        return callable('', () => {
          const item = this.#current;
          this.#at = (this.#at + 1) % this.#items.length;
          return item;
        });
      case 'reset':
        return callable('', () => {
          this.#at = 0;
          return null;
        });
      default:
        return undefined;
    }
  }
}

/** Gives nothing the first time it is called, and a separator from then on. */
class Joiner extends Callable {
  constructor(separator: Str) {
    let used = false;
    super(() => {
      const text = used ? separator : '';
      used = true;
      return text;
    }, 'Joiner');
  }
}

/** The names that every template finds. */
export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['range', new Callable(range, 'type')],
  ['dict', new Callable(dict, 'type')],
  ['namespace', new Callable((list, named) => new Namespace(dict(list, named)), 'type')],
  [
    'cycler',
    new Callable((list, named) => {
      if (named.size > 0) throw new TemplateFault('cycler takes no names');
      return new Cycler(list);
    }, 'type'),
  ],
  ['joiner', callable('sep', (separator = ', ') => new Joiner(textArgument(separator)), 'type')],
  [
    'lipsum',
    new Callable(() => {
      throw new TemplateUnsupported('"lipsum", which gives another text each time');
    }),
  ],
]);
