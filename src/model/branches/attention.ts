import type { DispatchSpec } from '../../gpu/plan.ts';
import { attentionDecode } from '../../kernels/attention/attention_decode.ts';
import { attentionGate } from '../../kernels/attention/attention_gate.ts';
import { attentionMerge } from '../../kernels/attention/attention_merge.ts';
import { attentionMergeMatvecAddToNorm } from '../../kernels/attention/attention_merge_matvec_add_to_norm.ts';
import { attentionPrefill } from '../../kernels/attention/attention_prefill.ts';
import { ropeKvAppend } from '../../kernels/attention/rope_kv_append.ts';
import { headNorm } from '../../kernels/norms/head_norm.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { clip } from '../../kernels/shared/clip.ts';
import { attentionLayer } from '../../architecture/architecture.ts';
import { attentionDims } from '../dims.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

function mixer({ architecture, weights, blocks, rope, localRope }: Scope, block: number) {
  const dims = attentionDims(architecture, block)!;
  const { heads, kvHeads, headDim } = dims;
  const { hiddenSize } = architecture;
  const name = (tensor: string) => `blocks.${block}.attention.${tensor}`;
  const width = (heads + 2 * kvHeads) * headDim;
  return {
    dims,
    name,
    width,
    label: `block ${block} / attention`,
    cache: blocks[block]!.attention!,
    rope: attentionLayer(architecture, block).rope === 'local' ? localRope : rope,
    qkvProj: weights.matrix(name('qkv'), width, hiddenSize),
    oProj: weights.matrix(name('o_proj'), hiddenSize, heads * headDim),
    gate: architecture.attention!.gated ? weights.matrix(name('gate'), heads * headDim, hiddenSize) : null,
  };
}

/** What becomes of q, k and v before they turn: biases, limits and norms, as far as a model has them. */
function adjusted(scope: Scope, block: number): DispatchSpec[] {
  const { architecture, features, weights, activations } = scope;
  const { qkvLimit, qkNorm } = architecture.attention!;
  const { qkv: y } = activations;
  const { dims, name, width: columns, label } = mixer(scope, block);
  const specs = withBias(scope, 'qkv', { name: name('qkv_bias'), label, y, columns });
  if (qkvLimit !== undefined) specs.push(clip(features, label, y, { columns, limit: qkvLimit }));
  if (qkNorm) {
    const { heads, kvHeads, headDim } = dims;
    const weight = weights.plain(name('qk_norm'), qkNorm === 'head' ? 2 * headDim : (heads + kvHeads) * headDim);
    specs.push(headNorm(features, label, { weight, y }, dims, { over: qkNorm, eps: architecture.normEps }));
  }
  return specs;
}

/** The bias of the gate, which q, k and v have theirs with. */
function gateBias(scope: Scope, block: number): DispatchSpec[] {
  const { name, label, dims } = mixer(scope, block);
  const { attentionGate: y } = scope.activations;
  return withBias(scope, 'qkv', { name: name('gate_bias'), label, y, columns: dims.heads * dims.headDim });
}

/** The bias of o, on what attention adds to. */
function outBias(scope: Scope, block: number): DispatchSpec[] {
  const { name, label } = mixer(scope, block);
  const { x: y } = scope.activations;
  return withBias(scope, 'o_proj', { name: name('o_proj_bias'), label, y, columns: scope.architecture.hiddenSize });
}

/** Grouped-query attention over the tokens that a block sees, positions as the model has them. */
export const attention: BranchPlan = {
  prefill(scope, block) {
    const { features, activations, normed } = scope;
    const { x, h, qkv, y, sums } = activations;
    const { dims, label, cache, rope, qkvProj, oProj, gate } = mixer(scope, block);
    const { attentionGate: g } = activations;
    return [
      ...project(scope, label, { x: h, weights: qkvProj, y: qkv }, { normed }),
      ...(gate ? [...project(scope, label, { x: h, weights: gate, y: g }, { normed }), ...gateBias(scope, block)] : []),
      ...adjusted(scope, block),
      ...ropeKvAppend(features, label, { rope, qkv }, cache, dims),
      ...attentionPrefill(features, label, { qkv, y, sums }, cache, dims),
      ...(gate ? [attentionGate(features, label, { gate: g, y }, dims, 'tokens')] : []),
      ...outBias(scope, block),
      ...project(scope, label, { x: y, weights: oProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares, qkv, partial } = activations;
    const { dims, label, cache, rope, qkvProj, gate } = mixer(scope, block);
    const { attentionGate: g } = activations;
    return [
      ...normedMatvec(features, label, { h, squares, weights: qkvProj, y: qkv }, norm),
      ...(gate
        ? [...normedMatvec(features, label, { h, squares, weights: gate, y: g }, norm), ...gateBias(scope, block)]
        : []),
      ...adjusted(scope, block),
      ...attentionDecode(features, label, { qkv, rope, partial }, cache, dims),
      ...(gate ? [attentionGate(features, label, { gate: g, y: partial }, dims, 'partial')] : []),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, partial, y: o } = scope.activations;
    const { dims, label, cache, oProj } = mixer(scope, block);
    const stream = { weights: oProj, normWeight: nextNorm, x, h, squares };
    if (scope.batched) {
      return [
        ...outBias(scope, block),
        attentionMerge(scope.features, label, { partial, o }, cache, dims),
        ...matvecAddToNorm(scope.features, label, { v: o, ...stream }),
      ];
    }
    return [
      ...outBias(scope, block),
      ...attentionMergeMatvecAddToNorm(scope.features, label, { partial, ...stream }, cache, dims),
    ];
  },

  // Keys and values behind the accepted tokens are not seen before others stand in their place.
  advance: () => [],
};
