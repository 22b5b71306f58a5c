import { attentionDecode } from '../../kernels/attention/attention_decode.ts';
import { attentionMergeMatvecAddToNorm } from '../../kernels/attention/attention_merge_matvec_add_to_norm.ts';
import { attentionPrefill } from '../../kernels/attention/attention_prefill.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { ropeKvAppend } from '../../kernels/attention/rope_kv_append.ts';
import { attentionDims } from '../dims.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';

function mixer({ architecture, weights, blocks }: Scope, block: number) {
  const dims = attentionDims(architecture)!;
  const { heads, kvHeads, headDim } = dims;
  const { hiddenSize } = architecture;
  return {
    dims,
    label: `block ${block} / attention`,
    cache: blocks[block]!.attention!,
    qkvProj: weights.matrix(`blocks.${block}.attention.qkv`, (heads + 2 * kvHeads) * headDim, hiddenSize),
    oProj: weights.matrix(`blocks.${block}.attention.o_proj`, hiddenSize, heads * headDim),
  };
}

/** Grouped-query attention over all tokens so far, positions as the model has them. */
export const attention: BranchPlan = {
  prefill(scope, block) {
    const { features, activations, rope } = scope;
    const { x, h, qkv, y, sums } = activations;
    const { dims, label, cache, qkvProj, oProj } = mixer(scope, block);
    return [
      ...project(scope, label, { x: h, weights: qkvProj, y: qkv }, { normed: true }),
      ...ropeKvAppend(features, label, { rope, qkv }, cache, dims),
      ...attentionPrefill(features, label, { qkv, y, sums }, cache, dims),
      ...project(scope, label, { x: y, weights: oProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations, rope } = scope;
    const { h, squares, qkv, partial } = activations;
    const { dims, label, cache, qkvProj } = mixer(scope, block);
    return [
      ...normedMatvec(features, label, { h, squares, weights: qkvProj, y: qkv }, norm),
      ...attentionDecode(features, label, { qkv, rope, partial }, cache, dims),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, partial } = scope.activations;
    const { dims, label, cache, oProj } = mixer(scope, block);
    const merge = { partial, weights: oProj, normWeight: nextNorm, x, h, squares };
    return attentionMergeMatvecAddToNorm(scope.features, label, merge, cache, dims);
  },
};
