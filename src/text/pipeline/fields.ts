// Reads the parts of tokenizer.json, which strangers wrote, field by field.

import { BambaError } from '../../errors.ts';
import { literalPattern, type Pattern, regexPattern } from '../regex/pattern.ts';

/** One part of tokenizer.json, such as a normalizer, with its checks. */
export class Fields {
  readonly type: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #what: string;

  /**
   * @param what what the part is, for errors
   * @throws BambaError `config_invalid` where it is no object with a type
   */
  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(what, 'that is no object');
    this.#fields = value as Record<string, unknown>;
    const { type } = this.#fields;
    if (typeof type !== 'string') throw wrong(what, 'without a type');
    this.type = type;
    this.#what = `${what} ${JSON.stringify(type)}`;
  }

  /** A field as it is; null where it is absent. */
  value(name: string): unknown {
    return this.#fields[name] ?? null;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.value(name) ?? otherwise;
    if (typeof value !== 'boolean') throw this.wrong(name);
    return value;
  }

  text(name: string, otherwise?: string): string {
    const value = this.value(name) ?? otherwise;
    if (typeof value !== 'string') throw this.wrong(name);
    return value;
  }

  /** One character. */
  character(name: string, otherwise?: string): string {
    const value = this.text(name, otherwise);
    if (Array.from(value).length !== 1) throw this.wrong(name);
    return value;
  }

  count(name: string, otherwise: number): number {
    const value = this.value(name) ?? otherwise;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw this.wrong(name);
    return value;
  }

  list(name: string): unknown[] {
    const value = this.value(name) ?? [];
    if (!Array.isArray(value)) throw this.wrong(name);
    return value as unknown[];
  }

  oneOf<Name extends string>(name: string, names: readonly Name[], otherwise: Name): Name {
    const value = this.value(name) ?? otherwise;
    const found = names.find((known) => known === value);
    if (found === undefined) throw this.wrong(name);
    return found;
  }

  /** A `pattern`, which is `{ String }` or `{ Regex }`. */
  pattern(): Pattern {
    const value = this.value('pattern');
    if (typeof value === 'object' && value !== null) {
      const { String: literal, Regex: regex } = value as { String?: unknown; Regex?: unknown };
      if (typeof literal === 'string') return literal === '' ? regexPattern('') : literalPattern(literal);
      if (typeof regex === 'string') return regexPattern(regex);
    }
    throw this.wrong('pattern');
  }

  /** For a part of a kind that is not built. */
  unknown(): BambaError {
    return new BambaError(
      'config_invalid',
      `tokenizer.json has the ${this.#what}, which is not known here. Take another model, or a newer version of this page.`,
    );
  }

  wrong(name: string): BambaError {
    return wrong(this.#what, `whose "${name}" is not what it should be`);
  }
}

function wrong(what: string, how: string): BambaError {
  return new BambaError(
    'config_invalid',
    `tokenizer.json has a ${what} ${how}. Take the file from the model's own repository.`,
  );
}
