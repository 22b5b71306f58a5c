import type { TensorSpec } from '../weights/types.ts';
import { type Architecture, hasBias } from './architecture.ts';
import { biasTensors, matrix, plain } from './block-tensors.ts';

/** Short convolution of block `ours`, from the checkpoint's module `theirs`. */
export function shortConvTensors(ours: string, theirs: string, architecture: Architecture): TensorSpec[] {
  const { hiddenSize: C } = architecture;
  const { convWidth: K } = architecture.shortConv!;
  const name = (part: string) => `${ours}.short_conv.${part}`;
  const biased = hasBias(architecture, 'short_conv');
  const out = matrix(name('out_proj'), [C, C], `${theirs}.out_proj.weight`);
  const biases = [
    { name: `${theirs}.in_proj.bias`, shape: [3 * C] },
    { name: `${theirs}.conv.bias`, shape: [C] },
  ];
  return [
    matrix(name('in_proj'), [3 * C, C], `${theirs}.in_proj.weight`),
    plain(name('weight'), [C, K], `${theirs}.conv.weight`, [C, 1, K]),
    // The biases of in_proj, then of the convolution; zeros where there are none.
    { ...plain(name('biases'), [4 * C], null), sources: biased ? biases : [] },
    out,
    ...biasTensors(name('out_proj_bias'), out, biased),
  ];
}
