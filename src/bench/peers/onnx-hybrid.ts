import type { Architecture, AttentionShape, Mamba2Shape } from '../../architecture/architecture.ts';
import { OnnxGraph } from './onnx.ts';
import { BLOCK, blockMixers, plainTensor, type RandomMatrix } from './random-model.ts';

// A hybrid model as a graph of ONNX Runtime's own fused operators, the fewest that express it: MatMulNBits for
// matrices, CausalConvWithState and LinearAttention for Mamba-2, GroupQueryAttention with rotation. Patterns that its
// optimizer fuses further (gate and up with SiLU; q, k and v) are written as its exporters write them.

/** A state that a pass takes as `past` and gives back as `present`. */
export interface OnnxState {
  past: string;
  present: string;
  shape: number[];
  /** Keys and values have room for the whole context and are written in place. */
  inPlace: boolean;
}

/** The graph, and what feeds it. */
export interface OnnxHybrid {
  model: Uint8Array<ArrayBuffer>;
  states: OnnxState[];
}

export interface OnnxHybridOptions {
  /** Tokens that keys and values have room for. */
  contextLength: number;
  /** MatMulNBits' own setting: 4 allows it to round activations to int8, 0 keeps them f32. */
  accuracyLevel: 0 | 4;
  /** Where a matrix's codes and its scales lie outside the model. */
  codes: (matrix: RandomMatrix) => { file: string; offset: number; bytes: number };
  scales: (matrix: RandomMatrix) => { file: string; offset: number; bytes: number };
}

/** Inputs besides the states: ids (1, T), and what attention wants to know of the lengths. */
export const INPUTS = { ids: 'input_ids', last: 'seqlens_k', total: 'total_sequence_length' };
/** Outputs besides the states: logits (1, 1, V) of the last token, and its likeliest successor (1, 1). */
export const OUTPUTS = { logits: 'logits', next: 'next_id' };

/** Builds the graph of an architecture over the matrices of `randomMatrices`. */
export function onnxHybrid(
  architecture: Architecture,
  matrices: ReadonlyMap<string, RandomMatrix>,
  options: OnnxHybridOptions,
): OnnxHybrid {
  return new HybridBuilder(architecture, matrices, options).build();
}

class HybridBuilder {
  readonly #graph = new OnnxGraph();
  readonly #states: OnnxState[] = [];
  readonly #architecture: Architecture;
  readonly #matrices: ReadonlyMap<string, RandomMatrix>;
  readonly #options: OnnxHybridOptions;

  constructor(architecture: Architecture, matrices: ReadonlyMap<string, RandomMatrix>, options: OnnxHybridOptions) {
    this.#architecture = architecture;
    this.#matrices = matrices;
    this.#options = options;
  }

  build(): OnnxHybrid {
    const graph = this.#graph;
    const { hiddenSize: C, vocabSize: V, mamba2, attention } = this.#architecture;
    const ids = graph.input(INPUTS.ids, 'int64', [1, 'T']);
    if (attention) {
      graph.input(INPUTS.last, 'int32', [1]);
      graph.input(INPUTS.total, 'int32', []);
      if (attention.rope) this.#ropeTables(attention.rope);
    }
    let residual = this.#embedding(ids);
    let [x] = graph.node('SimplifiedLayerNormalization', 'norm.0', [residual, this.#plain('blocks.0.norm', C)], {
      axis: { int: -1 },
      epsilon: { float: this.#architecture.normEps },
    }) as [string];
    const mixers = blockMixers(this.#architecture);
    for (const [index, kind] of mixers.entries()) {
      const name = `blocks.${index}`;
      const mixed = kind === 'mamba2' ? this.#mamba2(name, x, mamba2!) : this.#attention(name, x, attention!);
      [x, residual] = this.#addNorm(`${name}.mlp_norm`, mixed, residual);
      const next = index + 1 < mixers.length ? `blocks.${index + 1}.norm` : 'final_norm';
      [x, residual] = this.#addNorm(next, this.#mlp(name, x), residual);
    }
    // The last token alone reaches the head.
    const bounds = (
      [
        ['start', -1],
        ['end', 2 ** 31],
        ['axis', 1],
      ] as const
    ).map(([what, value]) => graph.integers(`last.${what}`, [value]));
    const [last] = graph.node('Slice', 'last', [x, ...bounds]) as [string];
    this.#linear('head', last, OUTPUTS.logits);
    graph.output(OUTPUTS.logits, 'float', [1, 1, V]);
    graph.nodeInto('ArgMax', [OUTPUTS.logits], [OUTPUTS.next], { axis: { int: -1 }, keepdims: { int: 0 } });
    graph.output(OUTPUTS.next, 'int64', [1, 1]);
    return { model: graph.encode(), states: this.#states };
  }

  #plain(name: string, ...dims: number[]): string {
    const length = dims.reduce((product, size) => product * size, 1);
    return this.#graph.floats(name, dims, plainTensor(name, length));
  }

  #matrix(name: string): RandomMatrix {
    // A tied head is the embedding.
    const matrix = this.#matrices.get(name) ?? (name === 'head' ? this.#matrices.get('embedding') : undefined);
    if (!matrix) throw new RangeError(`The model has no matrix ${name}.`);
    return matrix;
  }

  /** x = embedding[ids], (1, T, C). */
  #embedding(ids: string): string {
    const matrix = this.#matrix('embedding');
    const { rows, columns } = matrix;
    const { codes, scales } = this.#options;
    const data = this.#graph.external('embedding', 'uint8', [rows, columns], codes(matrix));
    const scale = this.#graph.external('embedding.scales', 'float', [rows, columns / BLOCK], scales(matrix));
    const attributes = {
      bits: { int: 8 },
      block_size: { int: BLOCK },
      gather_axis: { int: 0 },
      quantize_axis: { int: 1 },
    };
    return this.#graph.node('GatherBlockQuantized', 'x', [data, ids, scale], attributes)[0]!;
  }

  /** y = x · matrixᵀ */
  #linear(name: string, x: string, output = `${name}.y`): string {
    const matrix = this.#matrix(name);
    const { rows, columns, bits } = matrix;
    const { codes, scales, accuracyLevel } = this.#options;
    const blocks = columns / BLOCK;
    const data = this.#graph.external(`${name}.codes`, 'uint8', [rows, blocks, (BLOCK * bits) / 8], codes(matrix));
    const scale = this.#graph.external(`${name}.scales`, 'float', [rows, blocks], scales(matrix));
    this.#graph.nodeInto('MatMulNBits', [x, data, scale], [output], {
      K: { int: columns },
      N: { int: rows },
      bits: { int: bits },
      block_size: { int: BLOCK },
      accuracy_level: { int: accuracyLevel },
    });
    return output;
  }

  /** The norm `name` of x + residual, and that sum. */
  #addNorm(name: string, x: string, residual: string): [normed: string, sum: string] {
    const weight = this.#plain(name, this.#architecture.hiddenSize);
    const epsilon = { float: this.#architecture.normEps };
    const names = [`${name}.y`, '', '', `${name}.sum`];
    this.#graph.nodeInto('SkipSimplifiedLayerNormalization', [x, residual, weight], names, { epsilon });
    return [names[0]!, names[3]!];
  }

  #silu(name: string, x: string): string {
    const [sigmoid] = this.#graph.node('Sigmoid', `${name}.sigmoid`, [x]) as [string];
    return this.#graph.node('Mul', `${name}.silu`, [x, sigmoid])[0]!;
  }

  #mlp(name: string, x: string): string {
    const gate = this.#silu(name, this.#linear(`${name}.gate`, x));
    const [product] = this.#graph.node('Mul', `${name}.swiglu`, [gate, this.#linear(`${name}.up`, x)]) as [string];
    return this.#linear(`${name}.down`, product);
  }

  #state(name: string, shape: number[], inPlace: boolean): OnnxState {
    const state = { past: `past.${name}`, present: `present.${name}`, shape, inPlace };
    this.#graph.input(state.past, 'float', shape);
    this.#graph.output(state.present, 'float', shape);
    this.#states.push(state);
    return state;
  }

  #split(name: string, x: string, sizes: readonly number[]): string[] {
    const split = this.#graph.integers(`${name}.sizes`, sizes);
    return this.#graph.node('Split', name, [x, split], { axis: { int: -1 } }, sizes.length);
  }

  #reshape(name: string, x: string, dims: readonly number[]): string {
    return this.#graph.node('Reshape', name, [x, this.#graph.integers(`${name}.dims`, dims)])[0]!;
  }

  #mamba2(name: string, x: string, { heads: H, headDim: P, stateSize: N, groups: G }: Mamba2Shape): string {
    const graph = this.#graph;
    const inner = H * P;
    const channels = inner + 2 * G * N;
    const ours = (tensor: string) => `${name}.mamba2.${tensor}`;
    const one = (operator: string, as: string, inputs: string[]) => graph.node(operator, `${name}.${as}`, inputs)[0]!;
    const projected = this.#linear(`${name}.in_proj`, x);
    const [z, raw, rawDt] = this.#split(`${name}.u`, projected, [inner, channels, H]) as [string, string, string];

    const conv = this.#state(`${name}.conv`, [1, 3, channels], false);
    const weight = this.#plain(ours('conv1d_weight'), channels, 1, 4);
    const bias = this.#plain(ours('conv1d_bias'), channels);
    const convAttributes = { activation: { text: 'silu' }, ndim: { int: 1 }, channels_last: { int: 1 } };
    const v = `${name}.v`;
    graph.nodeInto('CausalConvWithState', [raw, weight, bias, conv.past], [v, conv.present], convAttributes);
    const [scanned, b, c] = this.#split(`${name}.xbc`, v, [inner, G * N, G * N]) as [string, string, string];

    const dt = one('Softplus', 'dt', [one('Add', 'dt.biased', [rawDt, this.#plain(ours('dt_bias'), H)])]);
    const decay = one('Mul', 'decay', [dt, this.#plain(ours('a'), H)]);
    const byHead = this.#reshape(`${name}.x.heads`, scanned, [1, -1, H, P]);
    const stepped = one('Mul', 'dtx.heads', [byHead, this.#reshape(`${name}.dt.heads`, dt, [1, -1, H, 1])]);
    const value = this.#reshape(`${name}.dtx`, stepped, [1, -1, inner]);
    const ssm = this.#state(`${name}.ssm`, [1, H, N, P], false);
    const y = `${name}.scan`;
    graph.nodeInto('LinearAttention', [c, b, value, ssm.past, decay], [y, ssm.present], {
      q_num_heads: { int: G },
      kv_num_heads: { int: H },
      update_rule: { text: 'gated' },
      scale: { float: 1 },
    });
    const d = plainTensor(ours('d'), H);
    const perChannel = Float32Array.from({ length: inner }, (_, index) => d[Math.floor(index / P)]!);
    const skip = one('Mul', 'skip', [scanned, graph.floats(ours('d'), [inner], perChannel)]);
    const gated = one('Mul', 'gated', [one('Add', 'y', [y, skip]), this.#silu(`${name}.z`, z)]);
    const [normed] = graph.node(
      'SimplifiedLayerNormalization',
      `${name}.normed`,
      [gated, this.#plain(ours('norm'), inner)],
      {
        axis: { int: -1 },
        epsilon: { float: this.#architecture.normEps },
      },
    ) as [string];
    return this.#linear(`${name}.out_proj`, normed);
  }

  #attention(name: string, x: string, { heads, kvHeads, headDim, scale, rope }: AttentionShape): string {
    const [q, k, v] = ['q', 'k', 'v'].map((part) => this.#linear(`${name}.${part}`, x));
    const shape = [1, kvHeads, this.#options.contextLength, headDim];
    const keys = this.#state(`${name}.keys`, shape, true);
    const values = this.#state(`${name}.values`, shape, true);
    const inputs = [q!, k!, v!, keys.past, values.past, INPUTS.last, INPUTS.total];
    if (rope) inputs.push('rope.cos', 'rope.sin');
    const y = `${name}.attended`;
    this.#graph.nodeInto('GroupQueryAttention', inputs, [y, keys.present, values.present], {
      num_heads: { int: heads },
      kv_num_heads: { int: kvHeads },
      scale: { float: scale },
      do_rotary: { int: rope ? 1 : 0 },
    });
    return this.#linear(`${name}.o`, y);
  }

  #ropeTables({ inverseFrequencies, attentionFactor }: NonNullable<AttentionShape['rope']>): void {
    const { contextLength } = this.#options;
    const pairs = inverseFrequencies.length;
    const table = (wave: (angle: number) => number) =>
      Float32Array.from({ length: contextLength * pairs }, (_, index) => {
        return attentionFactor * wave(Math.floor(index / pairs) * inverseFrequencies[index % pairs]!);
      });
    this.#graph.floats('rope.cos', [contextLength, pairs], table(Math.cos));
    this.#graph.floats('rope.sin', [contextLength, pairs], table(Math.sin));
  }
}
