import type { TensorSpec } from '../weights/types.ts';
import type { AttentionShape, Mamba2Shape } from './architecture.ts';

// Tensors of the mixers, which all families that have them store alike, and short forms for the common kinds.

/** A matrix that the checkpoint has as it is. */
export function matrix(name: string, shape: readonly [number, number], source: string): TensorSpec {
  return { name, shape, kind: 'matrix', sources: [{ name: source, shape }], arrange: 'stack' };
}

/** A matrix with a row for each token. */
export function vocabularyMatrix(name: string, shape: readonly [number, number], source: string): TensorSpec {
  return { ...matrix(name, shape, source), vocabulary: true };
}

/** A matrix whose rows come from several sources of the same shape in turn. */
export function interleaved(name: string, shape: readonly [number, number], sources: readonly string[]): TensorSpec {
  const part = [shape[0] / sources.length, shape[1]];
  return {
    name,
    shape,
    kind: 'matrix',
    sources: sources.map((source) => ({ name: source, shape: part })),
    arrange: 'interleave',
  };
}

/** A tensor that stays f32; `sourceShape` where the checkpoint's shape is another. Without a source it is zeros. */
export function plain(
  name: string,
  shape: readonly number[],
  source: string | null,
  sourceShape: readonly number[] = shape,
): TensorSpec {
  const sources = source === null ? [] : [{ name: source, shape: sourceShape }];
  return { name, shape, kind: 'plain', sources, arrange: 'stack' };
}

/** Mamba-2 mixer of block `ours`, from the checkpoint's module `theirs`. */
export function mamba2Tensors(
  ours: string,
  theirs: string,
  hiddenSize: number,
  { heads: H, headDim, stateSize, groups, convWidth: K }: Mamba2Shape,
  { convBias }: { convBias: boolean },
): TensorSpec[] {
  const I = H * headDim;
  const channels = I + 2 * groups * stateSize;
  const name = (part: string) => `${ours}.mamba2.${part}`;
  return [
    matrix(name('in_proj'), [I + channels + H, hiddenSize], `${theirs}.in_proj.weight`),
    plain(name('conv1d_weight'), [channels, K], `${theirs}.conv1d.weight`, [channels, 1, K]),
    plain(name('conv1d_bias'), [channels], convBias ? `${theirs}.conv1d.bias` : null),
    plain(name('dt_bias'), [H], `${theirs}.dt_bias`),
    { ...plain(name('a'), [H], `${theirs}.A_log`), map: 'negate_exp' },
    plain(name('d'), [H], `${theirs}.D`),
    plain(name('norm'), [I], `${theirs}.norm.weight`),
    matrix(name('out_proj'), [hiddenSize, I], `${theirs}.out_proj.weight`),
  ];
}

/** Attention mixer of block `ours`, from the checkpoint's module `theirs`. */
export function attentionTensors(
  ours: string,
  theirs: string,
  hiddenSize: number,
  { heads, kvHeads, headDim }: AttentionShape,
): TensorSpec[] {
  const queryShape = [heads * headDim, hiddenSize];
  const keyShape = [kvHeads * headDim, hiddenSize];
  return [
    {
      name: `${ours}.attention.qkv`,
      shape: [(heads + 2 * kvHeads) * headDim, hiddenSize],
      kind: 'matrix',
      sources: [
        { name: `${theirs}.q_proj.weight`, shape: queryShape },
        { name: `${theirs}.k_proj.weight`, shape: keyShape },
        { name: `${theirs}.v_proj.weight`, shape: keyShape },
      ],
      arrange: 'stack',
    },
    matrix(`${ours}.attention.o_proj`, [hiddenSize, heads * headDim], `${theirs}.o_proj.weight`),
  ];
}
