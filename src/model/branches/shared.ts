import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { attentionPrefill } from '../../kernels/attention/attention_prefill.ts';
import { geglu } from '../../kernels/shared/geglu.ts';
import { matvec } from '../../kernels/projections/matvec.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { rmsNorm } from '../../kernels/norms/rms_norm.ts';
import { rmsNormConcat } from '../../kernels/norms/rms_norm_concat.ts';
import { ropeKvAppend } from '../../kernels/attention/rope_kv_append.ts';
import { normName, sharedSet } from '../../architecture/architecture.ts';
import { attentionDims } from '../dims.ts';
import { type ProductBuffers, type ProductOptions, project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

function transformer({ architecture, weights, activations, blocks }: Scope, block: number) {
  const { hiddenSize: C, blocks: kinds } = architecture;
  const { intermediateSize: F, adapterRank, attentionAdapters = false } = architecture.shared!;
  const dims = attentionDims(architecture)!;
  const { heads, kvHeads, headDim } = dims;
  const set = `shared.${sharedSet(architecture, block)}`;
  const own = `blocks.${block}.shared`;
  const width = (heads + 2 * kvHeads) * headDim;
  const adapter = (name: string, rank: number, columns: number, rows: number) => ({
    in: weights.matrix(`${own}.${name}_in`, rank, columns),
    out: weights.matrix(`${own}.${name}_out`, rows, rank),
  });
  return {
    C,
    F,
    dims,
    set,
    label: `block ${block} / shared`,
    cache: blocks[block]!.attention!,
    buffers: activations.shared!,
    norm: weights.plain(`${set}.norm`, 2 * C),
    qkv: weights.matrix(`${set}.qkv`, width, 2 * C),
    qkvAdapter: attentionAdapters ? adapter('qkv_adapter', 3 * adapterRank, 2 * C, width) : null,
    oProj: weights.matrix(`${set}.o_proj`, C, heads * headDim),
    mlpNorm: weights.plain(`${set}.mlp_norm`, C),
    gateUp: weights.matrix(`${set}.gate_up`, 2 * F, C),
    adapter: adapterRank > 0 ? adapter('adapter', adapterRank, C, 2 * F) : null,
    down: weights.matrix(`${set}.down`, C, F),
    linear: weights.matrix(`${own}.linear`, C, C),
    nextNorm: weights.plain(normName(block, kinds[block]![0]!), C),
  };
}

/** How the products are computed: of many tokens, or of one. Their sums are set or added. */
type Multiply = (buffers: ProductBuffers, options: ProductOptions & { action?: 'set' | 'add' }) => DispatchSpec[];

/** All but the last product, which ends in the copy of x: the transformer's output is left in `hidden`. */
function transform(scope: Scope, block: number, multiply: Multiply): DispatchSpec[] {
  const { features, activations, rope, architecture } = scope;
  const { normEps: eps } = architecture;
  const { x, h, qkv, y, sums } = activations;
  const t = transformer(scope, block);
  const { embedded, carried, both, hidden, adapted, gateUp, ff } = t.buffers;
  const adapt = (adapter: typeof t.adapter, from: BufferSlice, to: BufferSlice): DispatchSpec[] =>
    adapter
      ? [
          ...multiply({ x: from, weights: adapter.in, y: adapted }, { normed: true }),
          ...multiply({ x: adapted, weights: adapter.out, y: to }, { normed: false, action: 'add' }),
        ]
      : [];
  const biased = (name: string, to: BufferSlice, columns: number) =>
    withBias(scope, 'mlp', { name: `${t.set}.${name}_bias`, label: t.label, y: to, columns });
  const entry = { x, e: embedded, weight: t.norm, y: both, copied: carried };
  return [
    rmsNormConcat(features, t.label, entry, { columns: t.C, eps }),
    ...multiply({ x: both, weights: t.qkv, y: qkv }, { normed: true }),
    ...adapt(t.qkvAdapter, both, qkv),
    ...ropeKvAppend(features, t.label, { rope, qkv }, t.cache, t.dims),
    ...attentionPrefill(features, t.label, { qkv, y, sums }, t.cache, t.dims),
    ...multiply({ x: y, weights: t.oProj, y: hidden }, { normed: false }),
    rmsNorm(features, t.label, { x: hidden, weight: t.mlpNorm, y: h }, { columns: t.C, eps }),
    ...multiply({ x: h, weights: t.gateUp, y: gateUp }, { normed: true }),
    ...adapt(t.adapter, h, gateUp),
    ...biased('gate_up', gateUp, 2 * t.F),
    geglu(features, t.label, { u: gateUp, y: ff }, { columns: t.F }),
    ...multiply({ x: ff, weights: t.down, y: hidden }, { normed: false }),
    ...biased('down', hidden, t.C),
  ];
}

/**
 * The transformer that blocks of Zamba2 share. It is attention over x and the embedding side by side, and an MLP with
 * an adapter of the block's own. It adds nothing to the residual stream, but to what the mixer beside it reads: that is
 * norm(x + linear(transformer(x))) instead of norm(x).
 */
export const shared: BranchPlan = {
  prefill(scope, block) {
    const { features, activations, architecture } = scope;
    const t = transformer(scope, block);
    const { carried, hidden } = t.buffers;
    const norm = { columns: t.C, eps: architecture.normEps };
    return [
      ...transform(scope, block, (buffers, options) => project(scope, t.label, buffers, options)),
      ...project(scope, t.label, { x: hidden, weights: t.linear, y: carried }, { normed: false, action: 'add' }),
      rmsNorm(features, t.label, { x: carried, weight: t.nextNorm, y: activations.h }, norm),
    ];
  },

  decodeRead(scope, block) {
    const { features, activations } = scope;
    const { h, squares } = activations;
    const t = transformer(scope, block);
    const { carried, hidden } = t.buffers;
    const stream = { weights: t.linear, normWeight: t.nextNorm, x: carried, h, squares };
    return [
      ...transform(scope, block, ({ x: v, ...others }, { action }) =>
        matvec(features, t.label, { v, ...others }, action),
      ),
      ...matvecAddToNorm(features, t.label, { v: hidden, ...stream }),
    ];
  },

  decodeAdd: () => [],
};
