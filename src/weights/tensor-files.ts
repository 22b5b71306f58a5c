import { BambaError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { readText } from './read-text.ts';
import { parseIndex, readHeader } from './safetensors.ts';
import type { TensorInfo } from './types.ts';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
/** A model of 250 GB in shards of 1 GB; each may cost a request. */
const MOST_FILES = 1000;
/** The most tensors of all files together. */
const MOST_TENSORS = 100_000;

/**
 * Which file has which tensor. Indexes are often older than the files beside them, or name tensors that were never
 * saved. So an index is only compared with a tensor that is asked for.
 */
export class TensorFiles {
  /** By name; of a name that is in several files, the one in the file that the index names. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #index: ReadonlyMap<string, string>;
  /** Files that have a tensor of this name, which the index gives to none of them. */
  readonly #rivals: ReadonlyMap<string, string[]>;

  private constructor(
    tensors: ReadonlyMap<string, TensorInfo>,
    index: ReadonlyMap<string, string>,
    rivals: ReadonlyMap<string, string[]>,
  ) {
    this.tensors = tensors;
    this.#index = index;
    this.#rivals = rivals;
  }

  /**
   * Reads the headers of all files: of the single file if it is there, else of those in the index, else of all in the
   * place.
   * @throws BambaError `checkpoint_invalid` with the file and what is wrong with it; what the source throws.
   */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<TensorFiles> {
    const known = await source.tensors?.(signal);
    if (known) return new TensorFiles(new Map(known.map((tensor) => [tensor.name, tensor])), new Map(), new Map());
    if ((await source.size(SINGLE_FILE, signal)) !== null)
      return TensorFiles.#read(source, [SINGLE_FILE], new Map(), signal);
    const others = (await source.list?.(signal))?.filter((file) => file.endsWith('.safetensors')).toSorted() ?? [];
    const index = await readIndex(source, others.length > 0, signal);
    const named = [...new Set(index.values())];
    if (named.length > MOST_FILES) {
      throw new BambaError('checkpoint_invalid', `${INDEX_FILE} names ${named.length} files, more than any model has.`);
    }
    const present: string[] = [];
    for (const file of named) if ((await source.size(file, signal)) !== null) present.push(file);
    const files = present.length === named.length && named.length > 0 ? named : [...new Set([...present, ...others])];
    const [first] = named;
    if (files.length === 0) throw await nothing(source, first, signal);
    return TensorFiles.#read(source, files.slice(0, MOST_FILES), index, signal);
  }

  static async #read(
    source: ByteSource,
    files: readonly string[],
    index: ReadonlyMap<string, string>,
    signal?: AbortSignal,
  ): Promise<TensorFiles> {
    const tensors = new Map<string, TensorInfo>();
    const rivals = new Map<string, string[]>();
    for (const file of files) {
      for (const tensor of await readHeader(source, file, signal)) {
        const other = tensors.get(tensor.name);
        const named = index.get(tensor.name);
        if (other && named !== file && named !== other.file) {
          rivals.set(tensor.name, [...(rivals.get(tensor.name) ?? [other.file]), file]);
        }
        if (!other || named === file) tensors.set(tensor.name, tensor);
      }
      if (tensors.size > MOST_TENSORS) {
        throw new BambaError(
          'checkpoint_invalid',
          `${file} and those before it list more than ${MOST_TENSORS} tensors.`,
        );
      }
    }
    return new TensorFiles(tensors, index, rivals);
  }

  /** The tensor of this name. @throws BambaError `checkpoint_invalid` where there is none, or it is in doubt which. */
  get(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    const [one, other] = this.#rivals.get(name) ?? [];
    if (tensor && one === undefined) return tensor;
    const file = this.#index.get(name);
    const problem = tensor
      ? `Tensor ${name} is both in ${one} and in ${other}. Fetch all files of one revision.`
      : file === undefined
        ? `The checkpoint has no tensor ${name}. It is incomplete, or of another architecture than its config.json says.`
        : `${INDEX_FILE} puts tensor ${name} into ${file}, but it is not there. Fetch all files of one revision.`;
    throw new BambaError('checkpoint_invalid', problem);
  }
}

/** File of each tensor; empty where there is no index, or one that cannot be read beside files that can. */
async function readIndex(source: ByteSource, dispensable: boolean, signal?: AbortSignal): Promise<Map<string, string>> {
  try {
    const text = await readText(source, INDEX_FILE, signal);
    return text ? parseIndex(text) : new Map();
  } catch (error) {
    if (dispensable && error instanceof BambaError && error.code === 'checkpoint_invalid') return new Map();
    throw error;
  }
}

/** The error for a place without a file that has tensors, naming what is there instead. */
async function nothing(source: ByteSource, named: string | undefined, signal?: AbortSignal): Promise<BambaError> {
  const why = source.absence?.(named ?? SINGLE_FILE);
  const other = (await source.list?.(signal))?.find((file) => /\.(bin|pt|pth|gguf|onnx|h5|msgpack)$/.test(file));
  const problem = named
    ? `${named} is missing, which ${INDEX_FILE} names`
    : `There is neither ${SINGLE_FILE} nor ${INDEX_FILE}`;
  const instead = why ?? (other === undefined ? null : otherFormat(other));
  return new BambaError(
    'checkpoint_invalid',
    `${problem}${instead === null ? '' : `: ${instead}`}. Name a folder with a checkpoint in safetensors format.`,
  );
}

/** Half a sentence for a file that cannot be read here: its kind, and the file to load in its place. */
function otherFormat(file: string): string {
  if (file.endsWith('.onnx')) {
    return `${file} is a compiled graph of ONNX, which only its own runtimes run; the same model's repository without "ONNX" in its name has the weights`;
  }
  if (file.endsWith('.gguf')) return `${file} is a GGUF file, which can be loaded by its own address or as a file`;
  return `${file} is of another format`;
}
