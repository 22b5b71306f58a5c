import { BambaError } from '../../errors.ts';
import type { GgufTensor } from '../../weights/gguf/header.ts';
import type { GgufMetadata } from '../../weights/gguf/metadata.ts';
import { MOST_LAYERS } from '../layer-types.ts';

/** Small tensors that are a part of a model's config. */
export const CONFIG_TENSORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight'] as const;
type ConfigTensor = (typeof CONFIG_TENSORS)[number];

/** The facts of a GGUF file about its model, before the weights. */
export class GgufFacts {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #lists: ReadonlyMap<string, readonly number[]>;

  /** @param lists what tensors of `CONFIG_TENSORS` hold, as far as there are any */
  constructor(
    metadata: GgufMetadata,
    tensors: readonly GgufTensor[],
    lists: ReadonlyMap<string, readonly number[]> = new Map(),
  ) {
    this.metadata = metadata;
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#lists = lists;
  }

  list(name: ConfigTensor): readonly number[] | undefined {
    return this.#lists.get(name);
  }

  /**
   * Blocks of the model. Those behind them, which guess further tokens, do not count.
   * @throws BambaError `config_invalid`.
   */
  get blocks(): number {
    const all = this.#allBlocks;
    const guessing = this.metadata.optionalCount('.nextn_predict_layers') ?? 0;
    if (guessing < all) return all - guessing;
    throw this.metadata.invalid('.nextn_predict_layers', `has to be less than the ${all} blocks`);
  }

  /** A number for each block, where the file has one for all of them, or one for each; 0 or more. */
  perBlock(key: string): readonly number[] {
    return this.metadata.perBlock(key, this.#allBlocks).slice(0, this.blocks);
  }

  /** Which blocks something is true of; undefined where the file does not say. */
  flagsOfBlocks(key: string): readonly boolean[] | undefined {
    if (!this.metadata.has(key)) return undefined;
    return this.metadata.flags(key, this.#allBlocks).slice(0, this.blocks);
  }

  /** Whether any block has a tensor of this name, such as `ssm_norm.weight`. */
  hasInBlocks(name: string): boolean {
    return this.inBlocks(name) !== undefined;
  }

  /** The tensor of this name of the first block that has one. */
  inBlocks(name: string): GgufTensor | undefined {
    for (let block = 0; block < this.blocks; block++) {
      const found = this.tensors.get(`blk.${block}.${name}`);
      if (found) return found;
    }
    return undefined;
  }

  /** Which blocks have a tensor of this name. */
  blocksWith(name: string): boolean[] {
    return Array.from({ length: this.blocks }, (_, block) => this.tensors.has(`blk.${block}.${name}`));
  }

  /** Columns of the tensor of this name of the first block that has one. @throws BambaError `checkpoint_invalid`. */
  columnsInBlocks(name: string): number {
    const [columns] = this.inBlocks(name)?.dims ?? [];
    if (columns !== undefined) return columns;
    throw this.#missing(`blk.N.${name} in any of its ${this.blocks} blocks`);
  }

  /** Rows of the embedding: the vocabulary. @throws BambaError `checkpoint_invalid`. */
  get vocabSize(): number {
    const rows = this.tensors.get('token_embd.weight')?.dims[1];
    if (rows !== undefined) return rows;
    throw this.#missing('token_embd.weight');
  }

  /** Blocks of the file. */
  get #allBlocks(): number {
    return this.metadata.countUpTo(MOST_LAYERS, '.block_count');
  }

  #missing(what: string): BambaError {
    const { file } = this.metadata;
    return new BambaError('checkpoint_invalid', `${file} has no tensor ${what}. It is incomplete: fetch it again.`);
  }
}
