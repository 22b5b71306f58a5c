import { BambaError } from '../errors.ts';
import { isRecord } from '../weights/untrusted-json.ts';

/** Bounds of a number; both ends are optional. */
interface NumberBounds {
  /** The number must be greater. */
  above?: number;
  least?: number;
  most?: number;
}

/** No dimension of a model comes near: what is larger is damage or malice. */
const MOST_COUNT = 2 ** 24;

/** Told of a field by its name, with those of the objects that it is in: `rope_parameters.factor`. */
type OnRead = (field: string) => void;

/**
 * Reads fields of a config.json, each checked as it is taken. A field that is null counts as absent, as Python writes
 * None for it. Every error is `config_invalid` and names the field.
 */
export class ConfigReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #onRead: OnRead;

  /** @param onRead told of every field as it is taken, whether it is there or not. */
  constructor(fields: Readonly<Record<string, unknown>>, path = '', onRead: OnRead = () => {}) {
    this.#fields = fields;
    this.#path = path;
    this.#onRead = onRead;
  }

  /** The field as it is; undefined where it is absent or null. */
  get(field: string): unknown {
    this.#onRead(`${this.#path}${field}`);
    return Object.hasOwn(this.#fields, field) ? (this.#fields[field] ?? undefined) : undefined;
  }

  /** Names of all fields. */
  names(): string[] {
    return Object.keys(this.#fields);
  }

  /** A positive integer that must be there. */
  count(field: string, { most = MOST_COUNT }: { most?: number } = {}): number {
    return this.#required(field, this.optionalCount(field, { most }));
  }

  /** A positive integer, or undefined where the field is absent. */
  optionalCount(field: string, { most = MOST_COUNT }: { most?: number } = {}): number | undefined {
    const value = this.get(field);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > most) {
      throw this.invalid(field, `has to be an integer from 1 to ${most}`);
    }
    return value;
  }

  number(field: string, fallback: number, { above = -Infinity, least = -Infinity, most = 1e30 }: NumberBounds = {}) {
    const value = this.get(field);
    if (value === undefined) return fallback;
    if (typeof value !== 'number' || !(value > above && value >= least && Math.abs(value) <= most)) {
      const from = above > -Infinity ? ` above ${above}` : least > -Infinity ? ` of at least ${least}` : '';
      throw this.invalid(field, `has to be a finite number${from}`);
    }
    return value;
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.get(field) ?? fallback;
    if (typeof value !== 'boolean') throw this.invalid(field, 'has to be true or false');
    return value;
  }

  text(field: string, fallback: string): string {
    const value = this.get(field) ?? fallback;
    if (typeof value !== 'string') throw this.invalid(field, 'has to be a string');
    return value;
  }

  /** A list of exactly `length` numbers that must be there. */
  numbers(field: string, length: number, { above = -Infinity }: { above?: number } = {}): number[] {
    const value = this.#required(field, this.get(field));
    const good = (item: unknown) => typeof item === 'number' && item > above && Number.isFinite(item);
    if (!Array.isArray(value) || value.length !== length || !value.every(good)) {
      throw this.invalid(field, `has to be a list of ${length} numbers${above > -Infinity ? ` above ${above}` : ''}`);
    }
    return value as number[];
  }

  /** A list, or undefined where the field is absent. */
  list(field: string): unknown[] | undefined {
    const value = this.get(field);
    if (value !== undefined && !Array.isArray(value)) throw this.invalid(field, 'has to be a list');
    return value as unknown[] | undefined;
  }

  /** A nested object, or undefined where the field is absent. */
  child(field: string): ConfigReader | undefined {
    const value = this.get(field);
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw this.invalid(field, 'has to be an object');
    return new ConfigReader(value, `${this.#path}${field}.`, this.#onRead);
  }

  /** The error for a field that is not as it has to be. */
  invalid(field: string, demand: string): BambaError {
    const found = this.get(field);
    const shown = found === undefined ? 'missing' : (JSON.stringify(found) ?? typeof found).slice(0, 60);
    return new BambaError('config_invalid', `In config.json, ${this.#path}${field} ${demand}; it is ${shown}.`);
  }

  #required<T>(field: string, value: T | undefined): T {
    if (value === undefined) throw this.invalid(field, 'is needed');
    return value;
  }
}
