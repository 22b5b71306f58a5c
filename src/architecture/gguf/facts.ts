import { BambaError } from '../../errors.ts';
import type { GgufTensor } from '../../weights/gguf/header.ts';
import type { GgufMetadata } from '../../weights/gguf/metadata.ts';

/** Small tensors that are a part of a model's config. */
export const CONFIG_TENSORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight'] as const;
type ConfigTensor = (typeof CONFIG_TENSORS)[number];

/** What a GGUF file says of its model, before the weights. */
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

  /** Blocks of the model. */
  get blocks(): number {
    return this.metadata.count('.block_count');
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

  #missing(what: string): BambaError {
    const { file } = this.metadata;
    return new BambaError('checkpoint_invalid', `${file} has no tensor ${what}. It is incomplete: fetch it again.`);
  }
}
