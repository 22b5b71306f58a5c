import type { TensorSource, TensorSpec } from '../weights/types.ts';
import type { Architecture } from './architecture.ts';
import { matrix, plain } from './block-tensors.ts';

/** The tensors of a gated delta mixer in a checkpoint. */
interface DeltaSources {
  /** Rows of in_proj: z, q, k, v, b, a. */
  inProj: TensorSource[];
  /** Channels of the convolution: q, k, v. */
  conv: TensorSource[];
  /** Modules of the norm of a head's output, and of the last product. */
  norm: string;
  out: string;
}

/** Gated delta mixer of block `ours`, from the checkpoint's module `theirs`. */
export function gatedDeltaTensors(
  ours: string,
  theirs: string,
  { hiddenSize: C, gatedDelta }: Architecture,
  { inProj, conv, norm, out }: DeltaSources,
): TensorSpec[] {
  const { keyHeads, valueHeads, keyDim, valueDim, convWidth: K } = gatedDelta!;
  const values = valueHeads * valueDim;
  const channels = 2 * keyHeads * keyDim + values;
  const name = (part: string) => `${ours}.gated_delta.${part}`;
  return [
    { ...matrix(name('in_proj'), [values + channels + 2 * valueHeads, C], theirs), sources: inProj },
    { ...plain(name('conv1d_weight'), [channels, K], null), sources: conv },
    plain(name('conv1d_bias'), [channels], null),
    plain(name('dt_bias'), [valueHeads], `${theirs}.dt_bias`),
    { ...plain(name('a'), [valueHeads], `${theirs}.A_log`), map: 'negate_exp' },
    plain(name('norm'), [valueDim], `${theirs}.${norm}.weight`),
    matrix(name('out_proj'), [C, values], `${theirs}.${out}.weight`),
  ];
}
