import type { DispatchSpec } from '../../gpu/plan.ts';
import { f32Product } from '../../kernels/projections/matmul.ts';
import { moeCombine } from '../../kernels/moe/moe_combine.ts';
import { moeGroup } from '../../kernels/moe/moe_group.ts';
import { moeMatmul } from '../../kernels/moe/moe_matmul.ts';
import { moeMatvec } from '../../kernels/moe/moe_matvec.ts';
import { moeMatvecAddToNorm } from '../../kernels/moe/moe_matvec_add_to_norm.ts';
import { moeRoute } from '../../kernels/moe/moe_route.ts';
import { moeRouteNormedMatvecSwiglu } from '../../kernels/moe/moe_route_normed_matvec_swiglu.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { multiplyRows } from '../../kernels/projections/projection.ts';
import { relu2 } from '../../kernels/shared/relu2.ts';
import type { MoeShape } from '../../architecture/architecture.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';

const DOWN = { action: 'set', input: 'pairs', normed: false } as const;

/** Logits of a token: one for each expert, and one for the gate of the MLP beside them, if there is one. */
export function routerRows({ experts, sharedGate }: MoeShape): number {
  return sharedGate ? experts + 1 : experts;
}

function mixture({ architecture, weights }: Scope, block: number) {
  const { hiddenSize: C } = architecture;
  const { experts: E, topK, intermediateSize: F, routing, ungated, latentSize } = architecture.moe!;
  const L = latentSize ?? C;
  const name = (tensor: string) => `blocks.${block}.moe.${tensor}`;
  return {
    dims: { experts: E, topK, routing, ungated },
    columns: L,
    inner: topK * F,
    name,
    stride: { stride: routerRows(architecture.moe!) },
    label: `block ${block} / moe`,
    router: weights.matrix(name('router'), routerRows(architecture.moe!), C),
    bias: routing?.biased ? { bias: weights.plain(name('bias'), E) } : {},
    first: ungated ? weights.matrix(name('up'), E * F, L) : weights.matrix(name('gate_up'), E * 2 * F, L),
    down: weights.matrix(name('down'), E * L, F),
    latent:
      latentSize === undefined
        ? null
        : { in: weights.matrix(name('latent_in'), L, C), out: weights.matrix(name('latent_out'), C, L) },
  };
}

/** A bias around experts that read and write what is narrower than the stream, if the model has such. */
function latentBias(scope: Scope, block: number, part: 'in' | 'out'): DispatchSpec[] {
  const { architecture, activations } = scope;
  const { name, label, columns, latent } = mixture(scope, block);
  if (!latent) return [];
  const to =
    part === 'in' ? { y: activations.moe!.latent, columns } : { y: activations.x, columns: architecture.hiddenSize };
  return withBias(scope, 'mlp', { name: name(`latent_${part}_bias`), label, ...to });
}

/**
 * A mixture of experts: sum over the chosen ones of share * down(silu(gate(h)) * up(h)), Shazeer et al. 2017, or of share *
 * down(max(up(h), 0)^2). Experts read h, or a narrower projection of it, and their sum passes another one then. Which are
 * chosen never leaves the GPU: for one token only their weights are read, many are sorted by expert.
 */
export const moe: BranchPlan = {
  prefill(scope, block) {
    const { features, pass, activations } = scope;
    const { x, h } = activations;
    const { logits, experts, shares, pairs, tileExperts, inner, out, latent: narrow } = activations.moe!;
    const m = mixture(scope, block);
    const { dims, stride, label, router, bias, first, down, latent, columns } = m;
    const tiles = { pairs, tile_experts: tileExperts };
    const routing = { product: f32Product, action: 'set' } as const;
    const read = {
      action: dims.ungated ? ('set' as const) : ('swiglu' as const),
      input: 'tokens' as const,
      normed: scope.normed && !latent,
    };
    const combined = { columns, topK: dims.topK, action: latent ? ('set' as const) : ('add' as const) };
    return [
      ...(latent ? project(scope, label, { x: h, weights: latent.in, y: narrow }, { normed: scope.normed }) : []),
      ...latentBias(scope, block, 'in'),
      ...multiplyRows(features, label, routing, { x: h, weights: router, y: logits }, { pass, normed: scope.normed }),
      moeRoute(features, label, { logits, ...bias, experts, shares }, dims, stride),
      moeGroup(features, label, { experts, ...tiles }, dims),
      ...moeMatmul(features, label, { x: latent ? narrow : h, ...tiles, weights: first, y: inner }, dims, read),
      ...(dims.ungated ? [relu2(features, label, inner, m.inner)] : []),
      ...moeMatmul(features, label, { x: inner, ...tiles, weights: down, y: out }, dims, DOWN),
      moeCombine(features, label, { y: out, shares, x: latent ? narrow : x }, combined),
      ...latentBias(scope, block, 'out'),
      ...(latent
        ? project(scope, label, { x: narrow, weights: latent.out, y: x }, { normed: false, action: 'add' })
        : []),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares } = activations;
    const { logits, experts, inner, latent: narrow, latentSquares } = activations.moe!;
    const { dims, label, router, bias, first, latent } = mixture(scope, block);
    // The output of the projection is divided already.
    const input = latent ? { h: narrow, squares: latentSquares } : { h, squares };
    const chosen = { logits, ...bias, ...input, weights: first, experts, y: inner };
    return [
      ...(latent ? normedMatvec(features, label, { h, squares, weights: latent.in, y: narrow }, norm) : []),
      ...latentBias(scope, block, 'in'),
      ...normedMatvec(features, label, { h, squares, weights: router, y: logits }, norm),
      ...moeRouteNormedMatvecSwiglu(features, label, chosen, dims, latent ? { ...norm, squares: 1 } : norm),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares } = scope.activations;
    const { experts, inner, latent: narrow } = scope.activations.moe!;
    const { dims, label, down, latent } = mixture(scope, block);
    const stream = { normWeight: nextNorm, x, h, squares };
    if (!latent) {
      return moeMatvecAddToNorm(scope.features, label, { v: inner, experts, weights: down, ...stream }, dims);
    }
    return [
      ...moeMatvec(scope.features, label, { v: inner, experts, weights: down, y: narrow }, dims),
      ...latentBias(scope, block, 'out'),
      ...matvecAddToNorm(scope.features, label, { v: narrow, weights: latent.out, ...stream }),
    ];
  },
};
