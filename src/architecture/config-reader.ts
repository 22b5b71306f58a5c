import { BambaError } from '../errors.ts';
import { isRecord } from '../weights/untrusted-json.ts';

/** The demands on a number, all optional. */
interface NumberDemands {
  /** The value where neither the field nor a default of its family is there. */
  fallback?: number;
  /** The number must be greater. */
  above?: number;
  least?: number;
  most?: number;
}

/** No dimension of a model comes near: what is larger is damage or malice. */
const MOST_COUNT = 2 ** 24;

/** Hears a field's name, with those of the objects that it is in: `rope_parameters.factor`. */
type OnRead = (field: string) => void;

/** The facts that a reader has besides the fields. */
interface ReaderFacts {
  /** The values of absent fields, see `FAMILY_DEFAULTS`. */
  defaults?: Readonly<Record<string, unknown>> | undefined;
  /** The path of the object in the file, for errors. */
  path?: string;
  /** Hears of every field as it is taken, whether it is there or not. */
  onRead?: OnRead | undefined;
  /** Makes the error for a field that is wrong; by default that of config.json. */
  wrong?: (field: string, fault: string) => BambaError;
}

const wrongInConfig = (field: string, fault: string): BambaError =>
  new BambaError('config_invalid', `In config.json, ${field} ${fault}.`);

/**
 * Reads fields of a config.json, each checked as it is taken. A field that is absent has the default of the family. A
 * number, flag or text that is null has it, too. A size that is null has none, as Python writes None for values that
 * its class computes. Every error names the field, and is `config_invalid` unless `wrong` makes it.
 */
export class ConfigReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #defaults: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #onRead: OnRead;
  readonly #wrong: NonNullable<ReaderFacts['wrong']>;

  /** @param facts see `ReaderFacts` */
  constructor(fields: Readonly<Record<string, unknown>>, facts: ReaderFacts = {}) {
    const { defaults = {}, path = '', onRead = () => {}, wrong = wrongInConfig } = facts;
    this.#fields = fields;
    this.#defaults = defaults;
    this.#path = path;
    this.#onRead = onRead;
    this.#wrong = wrong;
  }

  /** The field as it is, or its default; undefined where that is null, or there is none. */
  get(field: string): unknown {
    this.#onRead(`${this.#path}${field}`);
    return Object.hasOwn(this.#fields, field) ? (this.#fields[field] ?? undefined) : this.#default(field);
  }

  /** Names of all fields. */
  names(): string[] {
    return Object.keys(this.#fields);
  }

  /** A positive integer that must be there. */
  count(field: string, { most = MOST_COUNT }: { most?: number } = {}): number {
    const value = this.get(field);
    if (value === undefined) throw this.invalid(field, 'is needed');
    return this.#count(field, value, most);
  }

  /** A positive integer, or undefined where there is none. */
  optionalCount(field: string, { most = MOST_COUNT }: { most?: number } = {}): number | undefined {
    const value = this.get(field);
    return value === undefined ? undefined : this.#count(field, value, most);
  }

  #count(field: string, value: unknown, most: number): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > most) {
      throw this.invalid(field, `has to be an integer from 1 to ${most}`);
    }
    return value;
  }

  /** A number that must be there, or have a fallback. */
  number(field: string, { fallback, above = -Infinity, least = -Infinity, most = 1e30 }: NumberDemands = {}): number {
    const value = this.#required(field, fallback);
    if (typeof value !== 'number' || !(value > above && value >= least && Math.abs(value) <= most)) {
      const from = above > -Infinity ? ` above ${above}` : least > -Infinity ? ` of at least ${least}` : '';
      throw this.invalid(field, `has to be a finite number${from}`);
    }
    return value;
  }

  /** True or false; as `number`. */
  flag(field: string, fallback?: boolean): boolean {
    const value = this.#required(field, fallback);
    if (typeof value !== 'boolean') throw this.invalid(field, 'has to be true or false');
    return value;
  }

  /** A string; as `number`. */
  text(field: string, fallback?: string): string {
    const value = this.#required(field, fallback);
    if (typeof value !== 'string') throw this.invalid(field, 'has to be a string');
    return value;
  }

  /** A list of exactly `length` numbers that must be there. */
  numbers(field: string, length: number, { above = -Infinity }: { above?: number } = {}): number[] {
    const value = this.#required(field);
    const good = (item: unknown) => typeof item === 'number' && item > above && Number.isFinite(item);
    if (!Array.isArray(value) || value.length !== length || !value.every(good)) {
      throw this.invalid(field, `has to be a list of ${length} numbers${above > -Infinity ? ` above ${above}` : ''}`);
    }
    return value as number[];
  }

  /** A list, or undefined where there is none. */
  list(field: string): unknown[] | undefined {
    const value = this.get(field);
    if (value !== undefined && !Array.isArray(value)) throw this.invalid(field, 'has to be a list');
    return value as unknown[] | undefined;
  }

  /** A nested object, or undefined where there is none. @param defaults what its absent fields are */
  child(field: string, defaults?: Readonly<Record<string, unknown>>): ConfigReader | undefined {
    const value = this.get(field);
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw this.invalid(field, 'has to be an object');
    const facts = { onRead: this.#onRead, wrong: this.#wrong };
    return new ConfigReader(value, { ...facts, defaults, path: `${this.#path}${field}.` });
  }

  /** The error for a field that is not as it has to be. */
  invalid(field: string, demand: string): BambaError {
    const found = this.get(field);
    const shown = found === undefined ? 'missing' : (JSON.stringify(found) ?? typeof found).slice(0, 60);
    return this.#wrong(`${this.#path}${field}`, `${demand}; it is ${shown}`);
  }

  #default(field: string): unknown {
    return Object.hasOwn(this.#defaults, field) ? (this.#defaults[field] ?? undefined) : undefined;
  }

  #required(field: string, fallback?: unknown): unknown {
    const value = this.get(field) ?? this.#default(field) ?? fallback;
    if (value === undefined) throw this.invalid(field, 'is needed');
    return value;
  }
}
