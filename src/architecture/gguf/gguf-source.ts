import { BambaError } from '../../errors.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { encodingOf } from '../../weights/encodings.ts';
import { type GgufTensor, readGgufHeader } from '../../weights/gguf/header.ts';
import type { TensorInfo } from '../../weights/types.ts';
import { ggufModel } from './architectures.ts';
import { CONFIG_TENSORS, GgufFacts } from './facts.ts';
import { checkpointTensors } from './names.ts';
import { ggufTokenizer } from './tokenizer.ts';

/** The contents of a file, as the files of a checkpoint. */
interface Contents {
  texts: ReadonlyMap<string, Uint8Array>;
  tensors: readonly TensorInfo[];
}

/** Lists of rotary divisors have one for each pair of a head. */
const MOST_LIST_BYTES = 64 * 1024;

/**
 * A GGUF file as a checkpoint. Its metadata make `config.json` and the tokenizer's files, and its tensors have the
 * names and shapes of a checkpoint. Its header is read when it is first asked for anything.
 *
 * ```ts
 * const checkpoint = await Checkpoint.open(new GgufSource(folderSource('models'), 'SmolLM2-135M.Q4_1.gguf'));
 * ```
 * Methods throw BambaError `checkpoint_invalid`, `config_invalid`, `unsupported_model`, and what `files` throws.
 */
export class GgufSource implements ByteSource {
  readonly file: string;
  readonly #files: ByteSource;
  #contents: Promise<Contents> | null = null;

  /** @param file the name of the GGUF file among `files` */
  constructor(files: ByteSource, file: string) {
    this.#files = files;
    this.file = file;
  }

  async size(file: string, signal?: AbortSignal): Promise<number | null> {
    if (file === this.file) return this.#files.size(file, signal);
    return (await this.#open(signal)).texts.get(file)?.length ?? null;
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    return [this.file, ...(await this.#open(signal)).texts.keys()];
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal, until?: number): Promise<Uint8Array> {
    if (file === this.file) return this.#files.read(file, begin, end, signal, until);
    const bytes = (await this.#open(signal)).texts.get(file);
    if (!bytes || end > bytes.length) throw new RangeError(`${file} has no bytes [${begin}, ${end}).`);
    return bytes.slice(begin, end);
  }

  async tensors(signal?: AbortSignal): Promise<readonly TensorInfo[]> {
    return (await this.#open(signal)).tensors;
  }

  /** Whether this is one of the files that come of the metadata. */
  async isMade(file: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#open(signal)).texts.has(file);
  }

  #open(signal?: AbortSignal): Promise<Contents> {
    this.#contents ??= this.#read(signal).catch((error: unknown) => {
      this.#contents = null;
      throw error;
    });
    return this.#contents;
  }

  async #read(signal?: AbortSignal): Promise<Contents> {
    const { metadata, tensors } = await readGgufHeader(this.#files, this.file, signal);
    const facts = new GgufFacts(metadata, tensors, await this.#lists(tensors, signal));
    const { config, names } = ggufModel(facts);
    const texts: [string, unknown][] = [['config.json', config]];
    if (metadata.has('tokenizer.ggml.model')) {
      const { tokenizer, config: tokenizerConfig } = ggufTokenizer(metadata);
      texts.push(['tokenizer.json', tokenizer], ['tokenizer_config.json', tokenizerConfig]);
    }
    const encoder = new TextEncoder();
    return {
      texts: new Map(texts.map(([name, json]) => [name, encoder.encode(JSON.stringify(json))])),
      tensors: checkpointTensors(this.file, tensors, names),
    };
  }

  /** The values of tensors that are a part of the config. */
  async #lists(tensors: readonly GgufTensor[], signal?: AbortSignal): Promise<Map<string, readonly number[]>> {
    const lists = new Map<string, readonly number[]>();
    for (const name of CONFIG_TENSORS) {
      const tensor = tensors.find((one) => one.name === name);
      if (!tensor) continue;
      const { dtype, dims, begin, end } = tensor;
      if (dims.length !== 1 || end - begin > MOST_LIST_BYTES || !encodingOf(dtype)) {
        throw new BambaError(
          'checkpoint_invalid',
          `${this.file} has tensor ${name} of type ${dtype} and shape [${dims.join(', ')}], which is no short list of ` +
            'numbers. Fetch it again.',
        );
      }
      const info = { name, file: this.file, dtype, shape: dims, begin, end };
      const checkpoint = await Checkpoint.open({ ...readOnly(this.#files), tensors: async () => [info] }, signal);
      lists.set(name, [...(await checkpoint.readRows(name, 0, dims[0] as number, signal))]);
    }
    return lists;
  }
}

function readOnly(files: ByteSource): ByteSource {
  return { size: (...given) => files.size(...given), read: (...given) => files.read(...given) };
}
