import { conv1dPrefill } from '../../kernels/mamba2/conv1d_prefill.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { conv1dRgLruUpdate } from '../../kernels/rg_lru/conv1d_rg_lru_update.ts';
import { rgLruGates } from '../../kernels/rg_lru/rg_lru_gates.ts';
import { rgLruScan } from '../../kernels/rg_lru/rg_lru_scan.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

function mixer(scope: Scope, block: number) {
  const { architecture, weights, activations, blocks } = scope;
  const { hiddenSize: C } = architecture;
  const dims = architecture.rgLru!;
  const { width: w, heads } = dims;
  const name = (tensor: string) => `blocks.${block}.rg_lru.${tensor}`;
  const label = `block ${block} / rg_lru`;
  const { u, x } = activations;
  return {
    dims,
    label,
    state: blocks[block]!.rg_lru!,
    inProj: weights.matrix(name('in_proj'), 2 * w, C),
    convWeight: weights.plain(name('conv1d_weight'), w, 4),
    convBias: weights.plain(name('conv1d_bias'), w),
    gates: weights.plain(name('gates'), 2 * w, w / heads),
    // Biases of the gates, the parameter of decays, and for decode the bias of the convolution.
    vectors: weights.joined(
      name('vectors'),
      ['input_bias', 'recurrence_bias', 'parameter', 'conv1d_bias'].map(name),
      w,
    ),
    outProj: weights.matrix(name('out_proj'), C, w),
    inBias: withBias(scope, 'rg_lru', { name: name('in_proj_bias'), label, y: u, columns: 2 * w }),
    outBias: withBias(scope, 'rg_lru', { name: name('out_proj_bias'), label, y: x, columns: C }),
  };
}

/** The recurrent block of Griffin, De et al. 2024: in_proj's rows are those of the output's gate, then of the recurrence. */
export const rgLru: BranchPlan = {
  prefill(scope, block) {
    const { features, activations } = scope;
    const { x, h, u, v, y } = activations;
    const { decays, inputs } = activations.rgLru!;
    const m = mixer(scope, block);
    const { label, dims } = m;
    const { width: channels } = dims;
    const conv = { u, weight: m.convWeight, bias: m.convBias, v, state: m.state.conv };
    const unit = { v, gates: m.gates, vectors: m.vectors, decays, inputs };
    return [
      ...project(scope, label, { x: h, weights: m.inProj, y: u }, { normed: scope.normed }),
      ...m.inBias,
      conv1dPrefill(features, label, conv, { channels, stride: 2 * channels, offset: channels, silu: false }),
      rgLruGates(features, label, unit, dims),
      rgLruScan(features, label, { decays, inputs, u, ssm_state: m.state.ssm, out: y }, dims),
      ...m.outBias,
      ...project(scope, label, { x: y, weights: m.outProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares, u, y } = activations;
    const m = mixer(scope, block);
    const update = {
      u,
      conv_weight: m.convWeight,
      gates: m.gates,
      vectors: m.vectors,
      conv_state: m.state.conv,
      ssm_state: m.state.ssm,
      out: y,
    };
    return [
      ...normedMatvec(features, m.label, { h, squares, weights: m.inProj, y: u }, norm),
      ...m.inBias,
      conv1dRgLruUpdate(features, m.label, update, m.dims),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, y: v } = scope.activations;
    const { label, outProj, outBias } = mixer(scope, block);
    const add = { v, weights: outProj, normWeight: nextNorm, x, h, squares };
    return [...outBias, ...matvecAddToNorm(scope.features, label, add)];
  },
};
