import type { TensorSource, TensorSpec } from '../weights/types.ts';
import { type Architecture, hasBias, type Mamba1Shape } from './architecture.ts';
import { biasTensors, matrix, plain } from './block-tensors.ts';

// Tensors of a Mamba-1 mixer. Kernels read four numbers at a time, so that its rank is filled up to fours.

/** Width of the step sizes' input of one head, a multiple of four. */
export function paddedRank({ dtRank }: Pick<Mamba1Shape, 'dtRank'>): number {
  return 4 * Math.ceil(dtRank / 4);
}

interface Mamba1Options {
  convBias: boolean;
  /** Whether rows of x and z in in_proj are in turn. */
  interleaved?: boolean;
  /** Whether x_proj, dt_proj and its bias are parameters, whose names have no `.weight` behind them. */
  bare?: boolean;
}

/** Mamba-1 mixer of block `ours`, from the checkpoint's module `theirs`. */
export function mamba1Tensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  { convBias, interleaved = false, bare = false }: Mamba1Options,
): TensorSpec[] {
  const { hiddenSize } = architecture;
  const shape = architecture.mamba1!;
  const { inner: I, stateSize: N, dtRank, convWidth: K, norms, heads: M = 1 } = shape;
  const name = (part: string) => `${ours}.mamba1.${part}`;
  const perHead = (...rest: number[]) => (bare ? [M, ...rest] : rest);
  const inProj = { name: `${theirs}.in_proj.weight`, shape: [2 * I, hiddenSize] };
  const rank = paddedRank(shape);
  const into: TensorSpec = {
    ...matrix(name('in_proj'), [2 * I, hiddenSize], inProj.name),
    sources: interleaved ? [0, 1].map((first) => ({ ...inProj, rows: [first, 2 * I], every: 2 })) : [inProj],
  };
  const out = matrix(name('out_proj'), [hiddenSize, I], `${theirs}.out_proj.weight`);
  const biased = hasBias(architecture, 'mamba1');
  return [
    into,
    ...biasTensors(name('in_proj_bias'), into, biased),
    plain(name('conv1d_weight'), [I, K], `${theirs}.conv1d.weight`, [I, 1, K]),
    plain(name('conv1d_bias'), [I], convBias ? `${theirs}.conv1d.bias` : null),
    selectingTensor(name('x_proj'), shape, {
      name: `${theirs}.${bare ? 'x_proj_weight' : 'x_proj.weight'}`,
      shape: perHead(dtRank + 2 * N, I / M),
    }),
    ...(norms === 'weighted' ? [normsTensor(name('norms'), theirs, shape)] : []),
    {
      ...matrix(name('dt_proj'), [I, M * rank], theirs),
      sources: Array.from({ length: M }, (_, head) => ({
        name: `${theirs}.${bare ? 'dt_proj_weight' : 'dt_proj.weight'}`,
        shape: perHead(I / M, dtRank),
        ...(M > 1 && { rows: [(head * I) / M, ((head + 1) * I) / M] as const }),
        ...(M * rank !== dtRank && { columns: [head * rank, M * rank] as const }),
      })),
    },
    flatVector(name('dt_bias'), I, `${theirs}.${bare ? 'dt_proj_bias' : 'dt_proj.bias'}`, perHead(I / M)),
    { ...plain(name('a'), [I, N], `${theirs}.A_log`, perHead(I / M, N)), map: 'negate_exp' },
    flatVector(name('d'), I, `${theirs}.D`, perHead(I / M)),
    out,
    ...biasTensors(name('out_proj_bias'), out, biased),
  ];
}

/** A vector of `length`, which the checkpoint has in some shape. */
function flatVector(name: string, length: number, source: string, shape: readonly number[]): TensorSpec {
  const flat = shape.length > 1 ? { flat: true as const } : {};
  return { ...plain(name, [length], source), sources: [{ name: source, shape, ...flat }] };
}

/**
 * x_proj (heads * (rank + 2N), I): rows of delta of all heads, then those of b, then those of c. Rows that fill a rank up
 * repeat others, as dt_proj has zeros for them. A head's rows are zero beyond its own channels.
 */
function selectingTensor(name: string, shape: Mamba1Shape, source: TensorSource): TensorSpec {
  const { inner: I, stateSize: N, dtRank, heads: M = 1 } = shape;
  const rank = paddedRank(shape);
  const part = (first: number, count: number) =>
    Array.from({ length: M }, (_, head): TensorSource => {
      const begin = head * (dtRank + 2 * N) + first;
      const columns = M > 1 ? { columns: [(head * I) / M, I] as const } : {};
      return { ...source, rows: [begin, begin + count], ...columns };
    });
  const fill = part(0, 1).map((row) => Array.from({ length: rank - dtRank }, () => row));
  const deltas = part(0, dtRank).flatMap((delta, head) => [delta, ...(fill[head] ?? [])]);
  const isPlain = M === 1 && rank === dtRank;
  return {
    ...matrix(name, [M * (rank + 2 * N), I], source.name),
    sources: isPlain ? [source] : [...deltas, ...part(dtRank, N), ...part(dtRank + N, N)],
  };
}

/** Weights of the norms of delta, filled up, of b and of c. */
function normsTensor(name: string, theirs: string, shape: Mamba1Shape): TensorSpec {
  const { stateSize: N, dtRank } = shape;
  const rank = paddedRank(shape);
  const delta = { name: `${theirs}.dt_layernorm.weight`, shape: [dtRank] };
  const fill = Array.from({ length: rank - dtRank }, (): TensorSource => ({ ...delta, rows: [0, 1] }));
  return {
    ...plain(name, [rank + 2 * N], null),
    sources: [
      delta,
      ...fill,
      { name: `${theirs}.b_layernorm.weight`, shape: [N] },
      { name: `${theirs}.c_layernorm.weight`, shape: [N] },
    ],
  };
}
