import { BambaError } from '../../errors.ts';

/** The values that a key of a GGUF file's metadata can have. Integers beyond 2^53 are bigints. */
export type GgufValue = number | bigint | boolean | string | GgufArray;
type GgufArray = readonly number[] | readonly bigint[] | readonly boolean[] | readonly string[];

/** A token table may be this long; nothing else comes near. */
const MOST_ENTRIES = 2 ** 24;
/** No size of a model comes near: what is larger is damage or malice. */
const MOST_COUNT = 2 ** 24;

/**
 * Reads values of a GGUF file's metadata, each checked as it is taken. Keys that begin with a dot are those of the
 * file's architecture: `.block_count` is `llama.block_count` of a llama.
 * Methods throw BambaError `config_invalid`, which names the key.
 */
export class GgufMetadata {
  readonly file: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(file: string, values: ReadonlyMap<string, GgufValue>) {
    this.file = file;
    this.#values = values;
  }

  /** `general.architecture`. */
  get architecture(): string {
    return this.text('general.architecture');
  }

  has(key: string): boolean {
    return this.#values.has(this.#full(key));
  }

  /** All keys. */
  keys(): string[] {
    return [...this.#values.keys()];
  }

  /** A positive integer. */
  count(key: string, fallback?: number): number {
    return this.countUpTo(MOST_COUNT, key, fallback);
  }

  /** A positive integer of at most `most`: of what there is a list of, as blocks or heads. */
  countUpTo(most: number, key: string, fallback?: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
    throw this.invalid(key, `has to be an integer from 1 to ${most}`);
  }

  /** A positive integer; undefined where the key is not there, or has 0, which stands for nothing. */
  optionalCount(key: string): number | undefined {
    const value = this.#get(key);
    return value === undefined || value === 0 ? undefined : this.count(key);
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.invalid(key, 'has to be a finite number');
  }

  /** A finite number; undefined where the key is not there. */
  optionalNumber(key: string): number | undefined {
    return this.has(key) ? this.number(key) : undefined;
  }

  flag(key: string, fallback?: boolean): boolean {
    const value = this.#get(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.invalid(key, 'has to be true or false');
  }

  text(key: string, fallback?: string): string {
    const value = this.#get(key) ?? fallback;
    if (typeof value === 'string') return value;
    throw this.invalid(key, 'has to be a text');
  }

  texts(key: string): readonly string[] {
    const value = this.#get(key);
    if (isListOf<string>(value, (item) => typeof item === 'string')) return value;
    throw this.invalid(key, 'has to be a list of texts');
  }

  numbers(key: string): readonly number[] {
    const value = this.#get(key);
    if (isListOf<number>(value, (item) => typeof item === 'number')) return value;
    throw this.invalid(key, 'has to be a list of numbers');
  }

  /** A number for each of `count` blocks, where the file has one for all of them, or one for each; 0 or more. */
  perBlock(key: string, count: number): readonly number[] {
    const value = this.#get(key);
    const list = typeof value === 'number' ? Array.from({ length: count }, () => value) : this.numbers(key);
    const sound = (item: number) => Number.isSafeInteger(item) && item >= 0 && item <= MOST_COUNT;
    if (list.length === count && list.every(sound)) return list;
    throw this.invalid(key, `has to be an integer of 0 or more, or a list of ${count} of them`);
  }

  /** Whether something is true of each of `count` blocks; ones and zeros stand for it, too. */
  flags(key: string, count: number): readonly boolean[] {
    const value = this.#get(key);
    const sound = (item: unknown) => typeof item === 'boolean' || item === 0 || item === 1;
    if (isListOf<unknown>(value, sound) && value.length === count) return Array.from(value, Boolean);
    throw this.invalid(key, `has to be a list of ${count} flags`);
  }

  /** Whether the key has a list. */
  isList(key: string): boolean {
    return Array.isArray(this.#get(key));
  }

  /** A token's id; undefined where the key is not there. */
  tokenId(key: string, vocabSize: number): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < vocabSize) return value;
    throw this.invalid(key, `has to be the number of one of the ${vocabSize} tokens`);
  }

  /** The error for a value that is not as it has to be. */
  invalid(key: string, demand: string): BambaError {
    const found = this.#get(key);
    const shown = found === undefined ? 'missing' : describe(found);
    return new BambaError('config_invalid', `In ${this.file}, ${this.#full(key)} ${demand}; it is ${shown}.`);
  }

  #get(key: string): GgufValue | undefined {
    return this.#values.get(this.#full(key));
  }

  #full(key: string): string {
    return key.startsWith('.') ? `${String(this.#values.get('general.architecture'))}${key}` : key;
  }
}

function isListOf<T>(value: GgufValue | undefined, is: (item: unknown) => boolean): value is GgufValue & readonly T[] {
  return Array.isArray(value) && value.length <= MOST_ENTRIES && (value as readonly unknown[]).every(is);
}

function describe(value: GgufValue): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'string' ? JSON.stringify(value).slice(0, 60) : String(value);
}
