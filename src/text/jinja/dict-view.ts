import { bracketed, represented } from './print.ts';
import { plain } from './text.ts';
import { type Dict, Thing, Tuple, type Value } from './values.ts';

/** The results of a dictionary's `keys()`, `values()` and `items()`: no lists, and they can be taken more than once. */
export class DictView extends Thing {
  readonly type: string;
  readonly #dict: Dict;
  readonly #of: 'keys' | 'values' | 'items';

  constructor(dict: Dict, of: 'keys' | 'values' | 'items') {
    super();
    this.type = `dict_${of}`;
    this.#dict = dict;
    this.#of = of;
  }

  override iterate(): Iterator<Value> {
    return this.#values().values();
  }

  override size(): number {
    return this.#dict.size;
  }

  override print(): string {
    return `${this.type}(${plain(bracketed('[', this.#values().map(represented), ']'))})`;
  }

  #values(): Value[] {
    const entries = this.#dict.entries();
    if (this.#of === 'items') return entries.map((entry) => new Tuple(entry));
    return entries.map(([key, value]) => (this.#of === 'keys' ? key : value));
  }
}
