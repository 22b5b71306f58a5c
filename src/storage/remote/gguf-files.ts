import { GgufSource } from '../../architecture/gguf/gguf-source.ts';
import { BambaError } from '../../errors.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import type { TensorInfo } from '../../weights/types.ts';
import type { CheckpointFiles } from './checkpoint-files.ts';

/** Raised when the same file becomes another config, tokenizer or order of rows. */
const READER_VERSION = 2;
/** So many names fit a sentence. */
const MOST_NAMED = 12;

/** Whether a name is that of a GGUF file. */
export function isGguf(name: string): boolean {
  return /\.gguf$/i.test(name);
}

/**
 * The one GGUF file among files that have no checkpoint in safetensors format; null where there is none. Files of other
 * parts of a model, such as its eyes, do not count.
 * @param name of the place, for people
 * @throws BambaError `setting_invalid` where there are several.
 */
export function onlyGguf(files: readonly string[], name: string, advice: string): string | null {
  if (files.some((file) => file.endsWith('.safetensors'))) return null;
  const found = files.filter((file) => isGguf(file) && !/(^|\/)(mmproj|mtp|imatrix)/i.test(file));
  if (found.length < 2) return found[0] ?? null;
  const named = found.slice(0, MOST_NAMED).join(', ');
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : '';
  throw new BambaError('setting_invalid', `${name} has ${found.length} GGUF files: ${named}${more}. ${advice}`);
}

/** Files that are read in one way or another, at a place that says whether they are still the same. */
abstract class FilesAtPlace implements CheckpointFiles {
  protected readonly place: CheckpointFiles;

  constructor(place: CheckpointFiles) {
    this.place = place;
  }

  /** What the files are read from. */
  protected abstract files(signal?: AbortSignal): Promise<ByteSource>;

  abstract version(signal?: AbortSignal, attempts?: number): Promise<string>;
  abstract identity(file: string, signal?: AbortSignal, attempts?: number): Promise<string | null>;

  get commit(): string | undefined {
    return this.place.commit;
  }

  async size(file: string, signal?: AbortSignal): Promise<number | null> {
    return (await this.files(signal)).size(file, signal);
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal, until?: number): Promise<Uint8Array> {
    return (await this.files(signal)).read(file, begin, end, signal, until);
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    return (await (await this.files(signal)).list?.(signal)) ?? [];
  }

  async tensors(signal?: AbortSignal): Promise<readonly TensorInfo[] | null> {
    return (await (await this.files(signal)).tensors?.(signal)) ?? null;
  }

  async check(signal?: AbortSignal): Promise<string[]> {
    return (await this.place.check?.(signal)) ?? [];
  }

  note(file: string, begin: number, bytes: Uint8Array): void {
    this.place.note?.(file, begin, bytes);
  }

  saveHashes(): Uint8Array<ArrayBuffer> | null {
    return this.place.saveHashes?.() ?? null;
  }

  restoreHashes(saved: Uint8Array): void {
    this.place.restoreHashes?.(saved);
  }

  close(): void {
    this.place.close();
  }
}

/** A GGUF file at a place that can say whether it is still the same, as the files of a checkpoint. */
export class GgufFiles extends FilesAtPlace {
  readonly local?: true;
  readonly #gguf: GgufSource;

  constructor(place: CheckpointFiles, file: string) {
    super(place);
    this.#gguf = new GgufSource(place, file);
    if (place.local) this.local = true;
  }

  async version(signal?: AbortSignal, attempts?: number): Promise<string> {
    return `${await this.place.identity(this.#gguf.file, signal, attempts)} gguf ${READER_VERSION}`;
  }

  async identity(file: string, signal?: AbortSignal): Promise<string | null> {
    if (file === this.#gguf.file) return this.place.identity(file, signal);
    return (await this.#gguf.isMade(file, signal)) ? this.version(signal) : null;
  }

  override note(file: string, begin: number, bytes: Uint8Array): void {
    if (file === this.#gguf.file) super.note(file, begin, bytes);
  }

  protected override async files(): Promise<ByteSource> {
    return this.#gguf;
  }
}

/**
 * Files of a checkpoint or of a GGUF file: the first request finds out which. Only then a repository tells its files; a
 * stored model loads without asking.
 */
export class LazyFiles extends FilesAtPlace {
  readonly #choose: (files: readonly string[]) => string | null;
  #chosen: Promise<CheckpointFiles> | null = null;

  /** @param choose the name of the GGUF file, null for a checkpoint; may throw */
  constructor(place: CheckpointFiles, choose: (files: readonly string[]) => string | null) {
    super(place);
    this.#choose = choose;
  }

  /** The place's own: it is known before its files are. */
  async version(signal?: AbortSignal, attempts?: number): Promise<string> {
    return this.place.version(signal, attempts);
  }

  async identity(file: string, signal?: AbortSignal, attempts?: number): Promise<string | null> {
    return (await this.files(signal)).identity(file, signal, attempts);
  }

  protected override files(signal?: AbortSignal): Promise<CheckpointFiles> {
    this.#chosen ??= this.#find(signal).catch((error: unknown) => {
      this.#chosen = null;
      throw error;
    });
    return this.#chosen;
  }

  async #find(signal?: AbortSignal): Promise<CheckpointFiles> {
    const file = this.#choose((await this.place.list?.(signal)) ?? []);
    return file === null ? this.place : new GgufFiles(this.place, file);
  }
}
