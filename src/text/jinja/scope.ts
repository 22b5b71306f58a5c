import type { Value } from './values.ts';

/** Names and what they stand for; what is not here is looked up in the scope around. */
export class Scope {
  readonly #values = new Map<string, Value>();
  readonly #around: Scope | null;

  constructor(around: Scope | null) {
    this.#around = around;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  get(name: string): Value | undefined {
    const value = this.#values.get(name);
    return value === undefined ? this.#around?.get(name) : value;
  }
}
