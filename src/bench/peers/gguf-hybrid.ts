import type { Architecture } from '../../architecture/architecture.ts';
import { encodeF16 } from '../../weights/half.ts';
import { type GgufTensor, ggufFile, type MetadataValue, type PiecedFile, TENSOR_TYPE } from './gguf.ts';
import { packedPool } from './own-package.ts';
import { BLOCK, blockMixers, codePool, plainTensor, type RandomMatrix } from './random-model.ts';

// A hybrid model as llama.cpp's architecture `granitehybrid`, which has Bamba's formulas with four scalars more, here 1.

const ARCHITECTURE = 'granitehybrid';

/** Control tokens and the 256 bytes that a tokenizer of llama.cpp cannot do without come first. */
const CONTROL = ['<unk>', '<s>', '</s>'];
export const FIRST_WORD = CONTROL.length + 256;
/** Types of tokens by their number in llama.cpp. */
const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3 };

/** A plane of Unicode with room for any vocabulary: a character a token, which nothing merges or normalizes. */
const FIRST_CHARACTER = 0x20000;

/** How the token `id` is spelled: ids from 259 on are characters of their own, so that a text is exactly its tokens. */
export function spellToken(id: number): string {
  if (id < CONTROL.length) return CONTROL[id]!;
  if (id < FIRST_WORD) return `<0x${(id - CONTROL.length).toString(16).toUpperCase().padStart(2, '0')}>`;
  return String.fromCodePoint(FIRST_CHARACTER + id);
}

/** The file of an architecture over the matrices of `randomMatrices`. */
export function ggufHybrid(architecture: Architecture, matrices: ReadonlyMap<string, RandomMatrix>): PiecedFile {
  const rows = new BlockRows();
  const tensors: GgufTensor[] = [];
  const matrix = (name: string, from: string, order?: (row: number) => number) => {
    const found = matrices.get(from);
    if (!found) throw new RangeError(`The random model has no matrix ${from}.`);
    const type = found.bits === 8 ? 'q8_0' : 'q4_0';
    tensors.push({ name, type, dims: [found.columns, found.rows], data: rows.of(found, order) });
  };
  const plain = (name: string, from: string, ...dims: number[]) => {
    const length = dims.reduce((product, size) => product * size, 1);
    const data = [new Uint8Array(plainTensor(from, length).buffer)];
    tensors.push({ name, type: 'f32', dims, data });
  };
  const { hiddenSize: C, mamba2, attention, tiedHead } = architecture;
  matrix('token_embd.weight', 'embedding');
  plain('output_norm.weight', 'final_norm', C);
  if (!tiedHead) matrix('output.weight', 'head');
  for (const [index, kind] of blockMixers(architecture).entries()) {
    const ours = `blocks.${index}`;
    const theirs = `blk.${index}`;
    plain(`${theirs}.attn_norm.weight`, `${ours}.norm`, C);
    plain(`${theirs}.ffn_norm.weight`, `${ours}.mlp_norm`, C);
    for (const part of ['gate', 'up', 'down']) matrix(`${theirs}.ffn_${part}.weight`, `${ours}.${part}`);
    if (kind === 'mamba2' && mamba2) {
      const { heads: H, headDim: P, groups: G, stateSize: N } = mamba2;
      matrix(`${theirs}.ssm_in.weight`, `${ours}.in_proj`);
      matrix(`${theirs}.ssm_out.weight`, `${ours}.out_proj`);
      plain(`${theirs}.ssm_conv1d.weight`, `${ours}.mamba2.conv1d_weight`, 4, H * P + 2 * G * N);
      plain(`${theirs}.ssm_conv1d.bias`, `${ours}.mamba2.conv1d_bias`, H * P + 2 * G * N);
      plain(`${theirs}.ssm_dt.bias`, `${ours}.mamba2.dt_bias`, H);
      plain(`${theirs}.ssm_a`, `${ours}.mamba2.a`, 1, H);
      plain(`${theirs}.ssm_d`, `${ours}.mamba2.d`, 1, H);
      plain(`${theirs}.ssm_norm.weight`, `${ours}.mamba2.norm`, (H * P) / G, G);
    } else if (attention) {
      // It rotates neighbouring dimensions, we halves of the rotated part: rows of q and k change places.
      const { headDim, rope } = attention;
      const neighbours = (row: number) => {
        const dims = rope?.dims ?? 0;
        const within = row % headDim;
        return within < dims ? row - within + Math.floor(within / 2) + (within % 2) * (dims / 2) : row;
      };
      matrix(`${theirs}.attn_q.weight`, `${ours}.q`, neighbours);
      matrix(`${theirs}.attn_k.weight`, `${ours}.k`, neighbours);
      matrix(`${theirs}.attn_v.weight`, `${ours}.v`);
      matrix(`${theirs}.attn_output.weight`, `${ours}.o`);
    }
  }
  return ggufFile({ ...hyperparameters(architecture), ...tokenizer(architecture.vocabSize) }, tensors);
}

function hyperparameters(architecture: Architecture): Record<string, MetadataValue> {
  const { mamba2, attention } = architecture;
  const mixers = blockMixers(architecture);
  const rope = attention?.rope;
  const parameters: Record<string, MetadataValue> = {
    block_count: { u32: mixers.length },
    context_length: { u32: architecture.maxPositions },
    embedding_length: { u32: architecture.hiddenSize },
    feed_forward_length: { u32: architecture.intermediateSize },
    vocab_size: { u32: architecture.vocabSize },
    'attention.layer_norm_rms_epsilon': { f32: architecture.normEps },
    'attention.head_count': { u32: attention?.heads ?? 0 },
    'attention.head_count_kv': { i32s: mixers.map((kind) => (kind === 'attention' ? attention!.kvHeads : 0)) },
    'attention.key_length': { u32: attention?.headDim ?? 0 },
    'attention.value_length': { u32: attention?.headDim ?? 0 },
    'attention.scale': { f32: attention?.scale ?? 0 },
    'rope.dimension_count': { u32: rope?.dims ?? 0 },
    // The second frequency is the base to the power of -1 over the number of pairs.
    'rope.freq_base': { f32: rope ? (rope.inverseFrequencies[1] ?? 1) ** -rope.inverseFrequencies.length : 10_000 },
    'rope.scaling.finetuned': { bool: rope !== null && rope !== undefined },
    embedding_scale: { f32: 1 },
    residual_scale: { f32: 1 },
    logit_scale: { f32: 1 },
    'ssm.conv_kernel': { u32: 4 },
    'ssm.inner_size': { u32: (mamba2?.heads ?? 0) * (mamba2?.headDim ?? 0) },
    'ssm.state_size': { u32: mamba2?.stateSize ?? 0 },
    'ssm.time_step_rank': { u32: mamba2?.heads ?? 0 },
    'ssm.group_count': { u32: mamba2?.groups ?? 0 },
  };
  return Object.fromEntries([
    ['general.architecture', { text: ARCHITECTURE }],
    ...Object.entries(parameters).map(([key, value]) => [`${ARCHITECTURE}.${key}`, value]),
  ]);
}

function tokenizer(vocabSize: number): Record<string, MetadataValue> {
  const ids = Array.from({ length: vocabSize }, (_, id) => id);
  const type = (id: number) => {
    // Bytes too: written out, no answer is invalid UTF-8.
    if (id >= CONTROL.length) return TOKEN_TYPE.normal;
    return id === 0 ? TOKEN_TYPE.unknown : TOKEN_TYPE.control;
  };
  return {
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': { texts: ids.map(spellToken) },
    'tokenizer.ggml.scores': { f32s: ids.map((id) => (id < FIRST_WORD ? 0 : -id)) },
    'tokenizer.ggml.token_type': { i32s: ids.map(type) },
    'tokenizer.ggml.unknown_token_id': { u32: 0 },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
    'tokenizer.ggml.add_bos_token': { bool: false },
    'tokenizer.ggml.add_space_prefix': { bool: false },
    'tokenizer.chat_template': { text: "{% for message in messages %}{{ message['content'] }}{% endfor %}" },
  };
}

/** Rows of matrices in blocks of 32: an f16 scale, then 32 codes of 8 or 4 bits. All of one scale share a pool. */
class BlockRows {
  readonly #pools = new Map<string, Uint8Array<ArrayBuffer>>();

  /** Pieces that are the matrix's bytes, row by row, or its rows in another order. */
  of(matrix: RandomMatrix, order?: (row: number) => number): Uint8Array<ArrayBuffer>[] {
    const { rows, columns, bits, start } = matrix;
    const pool = this.#pool(matrix);
    const block = TENSOR_TYPE[bits === 8 ? 'q8_0' : 'q4_0'].bytes;
    if (!order) return cyclicPieces(pool, (start / BLOCK) * block, ((rows * columns) / BLOCK) * block);
    return Array.from({ length: rows }, (_, row) => {
      const first = (start + order(row) * columns) / BLOCK;
      return cyclicPieces(pool, first * block, (columns / BLOCK) * block);
    }).flat();
  }

  #pool({ bits, scale }: RandomMatrix): Uint8Array<ArrayBuffer> {
    const key = `${bits} ${scale}`;
    let pool = this.#pools.get(key);
    if (!pool) {
      const codes = packedPool(bits);
      const codeBytes = (BLOCK * bits) / 8;
      const count = codePool(bits).length / BLOCK;
      pool = new Uint8Array(count * (2 + codeBytes));
      const view = new DataView(pool.buffer);
      for (let block = 0; block < count; block++) {
        const at = block * (2 + codeBytes);
        view.setUint16(at, encodeF16(scale), true);
        pool.set(codes.subarray(block * codeBytes, (block + 1) * codeBytes), at + 2);
      }
      this.#pools.set(key, pool);
    }
    return pool;
  }
}

/** `bytes` bytes of `pool` over and over, from `start` on. */
function cyclicPieces(pool: Uint8Array<ArrayBuffer>, start: number, bytes: number): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let at = start % pool.length;
  for (let left = bytes; left > 0; at = 0) {
    const piece = pool.subarray(at, Math.min(pool.length, at + left));
    pieces.push(piece);
    left -= piece.length;
  }
  return pieces;
}
