import type { DispatchSpec } from '../../gpu/plan.ts';
import { conv1dPrefill } from '../../kernels/mamba2/conv1d_prefill.ts';
import {
  conv1dSelectiveStateUpdateGateToNorm,
  gatedSquares,
} from '../../kernels/mamba2/conv1d_selective_state_update_gate_to_norm.ts';
import { mamba2Widths } from '../../kernels/mamba2/mamba2-shape.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedGroups } from '../../kernels/norms/normed_groups.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { normedMatvecAddToNorm } from '../../kernels/projections/normed_matvec_add_to_norm.ts';
import { rmsNormGated } from '../../kernels/norms/rms_norm_gated.ts';
import { siluGate } from '../../kernels/mamba1/silu_gate.ts';
import { selectiveStateAdvance } from '../../kernels/mamba2/selective_state_advance.ts';
import { ssdBmm } from '../../kernels/mamba2/ssd_bmm.ts';
import { ssdChunkCumsum } from '../../kernels/mamba2/ssd_chunk_cumsum.ts';
import { ssdChunkScan } from '../../kernels/mamba2/ssd_chunk_scan.ts';
import { ssdStatePassing } from '../../kernels/mamba2/ssd_state_passing.ts';
import { mamba2Dims } from '../dims.ts';
import { withBias } from './biases.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';

function mixer({ architecture, weights, activations, blocks }: Scope, block: number) {
  const { normGroups } = architecture.mamba2!;
  const dims = mamba2Dims(architecture)!;
  const { inner, channels, projected } = mamba2Widths(dims);
  const name = (tensor: string) => `blocks.${block}.mamba2.${tensor}`;
  return {
    dims,
    inner,
    channels,
    projected,
    label: `block ${block} / mamba2`,
    state: blocks[block]!.mamba2!,
    name,
    inProj: weights.matrix(name('in_proj'), projected, architecture.hiddenSize),
    convWeight: weights.plain(name('conv1d_weight'), channels, 4),
    convBias: weights.plain(name('conv1d_bias'), channels),
    normGroups,
    norm: normGroups === null ? activations.ones : weights.plain(name('norm'), inner),
    outProj: weights.matrix(name('out_proj'), architecture.hiddenSize, inner),
  };
}

/** The bias of in_proj, on what it gives. */
function inBias(scope: Scope, block: number): DispatchSpec[] {
  const { name, label, projected: columns } = mixer(scope, block);
  return withBias(scope, 'mamba2_in', { name: name('in_proj_bias'), label, y: scope.activations.u, columns });
}

/** The bias of out_proj, on what the mixer adds to. */
function outBias(scope: Scope, block: number): DispatchSpec[] {
  const { name, label } = mixer(scope, block);
  const { hiddenSize: columns } = scope.architecture;
  return withBias(scope, 'mamba2_out', { name: name('out_proj_bias'), label, y: scope.activations.x, columns });
}

/** The mixer of Dao & Gu 2024: in_proj, convolution, scan, gated norm, out_proj. */
export const mamba2: BranchPlan = {
  prefill(scope, block) {
    const { architecture, features, weights, activations } = scope;
    const { x, h, u, v, y, cb, decays, states } = activations;
    const w = mixer(scope, block);
    const { label, dims, inner, channels, projected, normGroups } = w;
    const ofHeads = (tensor: string) => weights.plain(w.name(tensor), dims.heads);
    const steps = { u, dt_bias: ofHeads('dt_bias'), a: ofHeads('a'), decays };
    const conv = { u, weight: w.convWeight, bias: w.convBias, v, state: w.state.conv };
    const rows = { columns: inner, stride: projected };
    return [
      ...project(scope, label, { x: h, weights: w.inProj, y: u }, { normed: scope.normed }),
      ...inBias(scope, block),
      conv1dPrefill(features, label, conv, { channels, stride: projected, offset: inner }),
      ssdBmm(features, label, { v, cb }, dims),
      ssdChunkCumsum(features, label, steps, dims),
      ssdStatePassing(features, label, { v, decays, ssm_state: w.state.ssm, states }, dims),
      ssdChunkScan(features, label, { v, cb, decays, states, d: ofHeads('d'), y }, dims),
      normGroups === null
        ? siluGate(features, label, { y, u, out: v }, rows)
        : rmsNormGated(
            features,
            label,
            { y, u, weight: w.norm, out: v },
            { ...rows, groups: normGroups, eps: architecture.normEps, gateLast: dims.gateLast },
          ),
      ...outBias(scope, block),
      ...project(scope, label, { x: v, weights: w.outProj, y: x }, { normed: normGroups !== null, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, weights, activations } = scope;
    const { h, squares, gatedSquares: gSquares, u } = activations;
    const w = mixer(scope, block);
    const heads = weights.joined(w.name('heads'), [w.name('dt_bias'), w.name('a'), w.name('d')], w.dims.heads);
    const update = {
      conv_weight: w.convWeight,
      conv_bias: w.convBias,
      heads,
      norm_weight: w.norm,
      u,
      conv_state: w.state.conv,
      ssm_state: w.state.ssm,
      squares: gSquares,
    };
    return [
      ...normedMatvec(features, w.label, { h, squares, weights: w.inProj, y: u }, norm),
      ...inBias(scope, block),
      conv1dSelectiveStateUpdateGateToNorm(features, w.label, update, w.dims),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { architecture, features, activations } = scope;
    const { x, h, squares, gatedSquares: gSquares, u } = activations;
    const { label, dims, inner, normGroups, outProj } = mixer(scope, block);
    const stream = { weights: outProj, normWeight: nextNorm, x, h, squares };
    const sums = gatedSquares(dims);
    const eps = architecture.normEps;
    const bias = outBias(scope, block);
    if (normGroups === 1) {
      const options = { squares: sums, eps };
      return [...bias, ...normedMatvecAddToNorm(features, label, { g: u, gSquares, ...stream }, options)];
    }
    const add = [...bias, ...matvecAddToNorm(features, label, { v: u, ...stream })];
    if (normGroups === null) return add;
    const groups = { columns: inner, groups: normGroups, squares: sums, eps };
    return [normedGroups(features, label, { g: u, squares: gSquares }, groups), ...add];
  },

  advance(positions, block) {
    const scope = positions[0]!;
    const { label, dims, state } = mixer(scope, block);
    const buffers = { u: positions.map(({ moving }) => moving![block]!), conv_state: state.conv, ssm_state: state.ssm };
    return [selectiveStateAdvance(scope.features, label, buffers, dims)];
  },
};
