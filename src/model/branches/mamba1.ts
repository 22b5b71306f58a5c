import { conv1dPrefill } from '../../kernels/mamba2/conv1d_prefill.ts';
import { type Mamba1Norm, mamba1Widths } from '../../kernels/mamba1/mamba1-shape.ts';
import { matvec } from '../../kernels/projections/matvec.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { rmsNormMatvecSelectiveScanGate } from '../../kernels/mamba1/rms_norm_matvec_selective_scan_gate.ts';
import { rmsNormSplit } from '../../kernels/norms/rms_norm_split.ts';
import { selectiveScanGate } from '../../kernels/mamba1/selective_scan_gate.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

function mixer({ architecture, weights, activations, blocks }: Scope, block: number) {
  const { hiddenSize: C } = architecture;
  const { norms, heads = 1, normEps: eps, ...shape } = architecture.mamba1!;
  const dims = { ...shape, heads };
  const { inner: I, stateSize: N } = dims;
  const { deltas, selected } = mamba1Widths(dims);
  const norm: Mamba1Norm = norms ?? 'plain';
  const name = (tensor: string) => `blocks.${block}.mamba1.${tensor}`;
  const { conv, ssm } = blocks[block]!.mamba1!;
  const { u, v } = activations;
  const a = weights.plain(name('a'), I, N);
  return {
    dims,
    norms: { norm, eps },
    label: `block ${block} / mamba1`,
    ssm,
    name,
    inProj: weights.matrix(name('in_proj'), 2 * I, C),
    conv: {
      buffers: {
        u,
        weight: weights.plain(name('conv1d_weight'), I, 4),
        bias: weights.plain(name('conv1d_bias'), I),
        v,
        state: conv,
      },
      options: { channels: I, stride: 2 * I, offset: 0 },
    },
    xProj: weights.matrix(name('x_proj'), selected, I),
    dtProj: weights.matrix(name('dt_proj'), I, deltas),
    a,
    // Where there are no weights, nothing reads what stands for them.
    normWeight: norm === 'weighted' ? weights.plain(name('norms'), selected) : a,
    outProj: weights.matrix(name('out_proj'), C, I),
  };
}

/** The biases of in_proj and of out_proj, if there are such. */
function biases(scope: Scope, block: number) {
  const { architecture, activations } = scope;
  const { label, name } = mixer(scope, block);
  const { u, x } = activations;
  const columns = 2 * architecture.mamba1!.inner;
  return {
    into: withBias(scope, 'mamba1', { name: name('in_proj_bias'), label, y: u, columns }),
    out: withBias(scope, 'mamba1', { name: name('out_proj_bias'), label, y: x, columns: architecture.hiddenSize }),
  };
}

/** A Mamba-1 mixer, of one head or several, with norms of delta, b and c or without: in_proj's rows are x, z. */
export const mamba1: BranchPlan = {
  prefill(scope, block) {
    const { features, activations, weights } = scope;
    const { x, h, u, v, y } = activations;
    const { selected, delta, bc } = activations.mamba1!;
    const { dims, norms, normWeight, label, ssm, name, inProj, conv, xProj, dtProj, a, outProj } = mixer(scope, block);
    const vectors = {
      dt_bias: weights.plain(name('dt_bias'), dims.inner),
      a,
      d: weights.plain(name('d'), dims.inner),
    };
    return [
      ...project(scope, label, { x: h, weights: inProj, y: u }, { normed: scope.normed }),
      ...biases(scope, block).into,
      conv1dPrefill(features, label, conv.buffers, conv.options),
      ...project(scope, label, { x: v, weights: xProj, y: selected }, { normed: false }),
      rmsNormSplit(features, label, { x: selected, weight: normWeight, delta, bc }, dims, norms),
      ...project(scope, label, { x: delta, weights: dtProj, y }, { normed: norms.norm !== 'none' }),
      selectiveScanGate(features, label, { dt_raw: y, u, bc, ...vectors, v, ssm_state: ssm }, dims),
      ...biases(scope, block).out,
      ...project(scope, label, { x: v, weights: outProj, y: x }, { normed: false, action: 'add' }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations, weights } = scope;
    const { h, squares, u, v } = activations;
    const { selected } = activations.mamba1!;
    const { dims, norms, normWeight, label, ssm, name, inProj, conv, xProj, dtProj, a } = mixer(scope, block);
    const heads = weights.joined(name('heads'), [name('dt_bias'), name('d')], dims.inner);
    const scan = { w: selected, weights: dtProj, norm_weight: normWeight, u, heads, a, v, ssm_state: ssm };
    return [
      ...normedMatvec(features, label, { h, squares, weights: inProj, y: u }, norm),
      ...biases(scope, block).into,
      // After the answer has ended it writes a column that no token before the next reads.
      conv1dPrefill(features, label, conv.buffers, conv.options),
      ...matvec(features, label, { v, weights: xProj, y: selected }),
      ...rmsNormMatvecSelectiveScanGate(features, label, scan, dims, norms),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares, v } = scope.activations;
    const { label, outProj } = mixer(scope, block);
    const add = { v, weights: outProj, normWeight: nextNorm, x, h, squares };
    return [...biases(scope, block).out, ...matvecAddToNorm(scope.features, label, add)];
  },
};
