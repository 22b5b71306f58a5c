import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { shortConv as shortConvKernel } from '../../kernels/short_conv/short_conv.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

function mixer({ architecture, features, weights, activations, blocks }: Scope, block: number) {
  const { hiddenSize: C } = architecture;
  const { convWidth } = architecture.shortConv!;
  const name = (tensor: string) => `blocks.${block}.short_conv.${tensor}`;
  const label = `block ${block} / short_conv`;
  const { u, v } = activations;
  const buffers = {
    u,
    weight: weights.plain(name('weight'), C, convWidth),
    biases: weights.plain(name('biases'), 4 * C),
    v,
    state: blocks[block]!.short_conv!.conv,
  };
  return {
    label,
    inProj: weights.matrix(name('in_proj'), 3 * C, C),
    // After the answer has ended it writes a column that no token before the next reads.
    conv: shortConvKernel(features, label, buffers, { channels: C, convWidth }),
    outProj: weights.matrix(name('out_proj'), C, C),
  };
}

/** The bias of out_proj, if there is one: the kernel adds all others. */
function outBias(scope: Scope, block: number) {
  const { hiddenSize: columns } = scope.architecture;
  const { x: y } = scope.activations;
  const { label } = mixer(scope, block);
  return withBias(scope, 'short_conv', { name: `blocks.${block}.short_conv.out_proj_bias`, label, y, columns });
}

/** A short convolution between two gates, as LFM2 has it: in_proj's rows are B, C, x. */
export const shortConv: BranchPlan = {
  prefill(scope, block) {
    const { x, h, u, v } = scope.activations;
    const { label, inProj, conv, outProj } = mixer(scope, block);
    return [
      ...project(scope, label, { x: h, weights: inProj, y: u }, { normed: scope.normed }),
      conv,
      ...outBias(scope, block),
      ...project(scope, label, { x: v, weights: outProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { h, squares, u } = scope.activations;
    const { label, inProj, conv } = mixer(scope, block);
    return [...normedMatvec(scope.features, label, { h, squares, weights: inProj, y: u }, norm), conv];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, v } = scope.activations;
    const { label, outProj } = mixer(scope, block);
    const add = { v, weights: outProj, normWeight: nextNorm, x, h, squares };
    return [...outBias(scope, block), ...matvecAddToNorm(scope.features, label, add)];
  },
};
