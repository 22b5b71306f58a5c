import { conv1dDeltaUpdate } from '../../kernels/gated_delta/conv1d_delta_update.ts';
import { deltaChunkCumsum } from '../../kernels/gated_delta/delta_chunk_cumsum.ts';
import { deltaChunkScan } from '../../kernels/gated_delta/delta_chunk_scan.ts';
import { deltaChunkSolve } from '../../kernels/gated_delta/delta_chunk_solve.ts';
import { deltaQkNorm } from '../../kernels/gated_delta/delta_qk_norm.ts';
import { deltaWidths } from '../../kernels/gated_delta/delta-shape.ts';
import { rmsNormGate } from '../../kernels/gated_delta/rms_norm_gate.ts';
import { conv1dPrefill } from '../../kernels/mamba2/conv1d_prefill.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';

function mixer({ architecture, features, weights, activations, blocks }: Scope, block: number) {
  const dims = architecture.gatedDelta!;
  const { valueHeads: heads, valueDim: dim, normEps: eps } = dims;
  const { values, channels, projected } = deltaWidths(dims);
  const name = (tensor: string) => `blocks.${block}.gated_delta.${tensor}`;
  const label = `block ${block} / gated_delta`;
  const { u, v, y } = activations;
  const weight = weights.plain(name('norm'), dim);
  return {
    dims,
    label,
    state: blocks[block]!.gated_delta!,
    inProj: weights.matrix(name('in_proj'), projected, architecture.hiddenSize),
    convWeight: weights.plain(name('conv1d_weight'), channels, 4),
    convBias: weights.plain(name('conv1d_bias'), channels),
    conv: { channels, stride: projected, offset: values },
    heads: weights.joined(name('heads'), [name('dt_bias'), name('a')], heads),
    gate: rmsNormGate(features, label, { y, u, weight, out: v }, { dim, heads, stride: projected, eps }),
    outProj: weights.matrix(name('out_proj'), architecture.hiddenSize, values),
  };
}

/**
 * The gated delta rule of Yang et al. 2024: in_proj, convolution, recurrence by chunks, a norm of each head, gate, out_proj.
 * in_proj's rows are z, q, k, v, b, a.
 */
export const gatedDelta: BranchPlan = {
  prefill(scope, block) {
    const { features, activations } = scope;
    const { x, h, u, v, y } = activations;
    const { decays, w, fresh, scores } = activations.gatedDelta!;
    const m = mixer(scope, block);
    const { label, dims } = m;
    const conv = { u, weight: m.convWeight, bias: m.convBias, v, state: m.state.conv };
    const chunks = { v, decays, w, fresh, scores };
    return [
      ...project(scope, label, { x: h, weights: m.inProj, y: u }, { normed: scope.normed }),
      conv1dPrefill(features, label, conv, m.conv),
      deltaQkNorm(features, label, { v }, dims),
      deltaChunkCumsum(features, label, { u, heads: m.heads, decays }, dims),
      deltaChunkSolve(features, label, chunks, dims),
      deltaChunkScan(features, label, { ...chunks, ssm_state: m.state.ssm, y }, dims),
      m.gate,
      ...project(scope, label, { x: v, weights: m.outProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares, u, y } = activations;
    const m = mixer(scope, block);
    const update = {
      conv_weight: m.convWeight,
      heads: m.heads,
      u,
      conv_state: m.state.conv,
      ssm_state: m.state.ssm,
      y,
    };
    return [
      ...normedMatvec(features, m.label, { h, squares, weights: m.inProj, y: u }, norm),
      conv1dDeltaUpdate(features, m.label, update, m.dims),
      m.gate,
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, v } = scope.activations;
    const { label, outProj } = mixer(scope, block);
    return matvecAddToNorm(scope.features, label, { v, weights: outProj, normWeight: nextNorm, x, h, squares });
  },
};
