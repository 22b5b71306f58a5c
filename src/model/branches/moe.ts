import { f32Product } from '../../kernels/projections/matmul.ts';
import { moeCombine } from '../../kernels/moe/moe_combine.ts';
import { moeGroup } from '../../kernels/moe/moe_group.ts';
import { moeMatmul } from '../../kernels/moe/moe_matmul.ts';
import { moeMatvecAddToNorm } from '../../kernels/moe/moe_matvec_add_to_norm.ts';
import { moeRoute } from '../../kernels/moe/moe_route.ts';
import { moeRouteNormedMatvecSwiglu } from '../../kernels/moe/moe_route_normed_matvec_swiglu.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { multiplyRows } from '../../kernels/projections/projection.ts';
import type { MoeShape } from '../../architecture/architecture.ts';
import type { BranchPlan, Scope } from '../scope.ts';

const GATE_UP = { action: 'swiglu', input: 'tokens' } as const;
const DOWN = { action: 'set', input: 'pairs' } as const;

/** Logits of a token: one for each expert, and one for the gate of the MLP beside them, if there is one. */
export function routerRows({ experts, sharedGate }: MoeShape): number {
  return sharedGate ? experts + 1 : experts;
}

function mixture({ architecture, weights }: Scope, block: number) {
  const { hiddenSize: C } = architecture;
  const { experts: E, topK, intermediateSize: F, routing } = architecture.moe!;
  const name = (tensor: string) => `blocks.${block}.moe.${tensor}`;
  return {
    dims: { experts: E, topK, routing },
    stride: { stride: routerRows(architecture.moe!) },
    label: `block ${block} / moe`,
    router: weights.matrix(name('router'), routerRows(architecture.moe!), C),
    bias: routing?.biased ? { bias: weights.plain(name('bias'), E) } : {},
    gateUp: weights.matrix(name('gate_up'), E * 2 * F, C),
    down: weights.matrix(name('down'), E * C, F),
  };
}

/**
 * A mixture of experts: sum over the chosen ones of share * down(silu(gate(h)) * up(h)), Shazeer et al. 2017. Which are
 * chosen never leaves the GPU: for one token only their weights are read, many are sorted by expert.
 */
export const moe: BranchPlan = {
  prefill(scope, block) {
    const { features, pass, activations, architecture } = scope;
    const { x, h } = activations;
    const { logits, experts, shares, pairs, tileExperts, inner, out } = activations.moe!;
    const { dims, stride, label, router, bias, gateUp, down } = mixture(scope, block);
    const tiles = { pairs, tile_experts: tileExperts };
    const routing = { product: f32Product, action: 'set' } as const;
    return [
      ...multiplyRows(features, label, routing, { x: h, weights: router, y: logits }, { pass, normed: scope.normed }),
      moeRoute(features, label, { logits, ...bias, experts, shares }, dims, stride),
      moeGroup(features, label, { experts, ...tiles }, dims),
      ...moeMatmul(features, label, { x: h, ...tiles, weights: gateUp, y: inner }, dims, GATE_UP),
      ...moeMatmul(features, label, { x: inner, ...tiles, weights: down, y: out }, dims, DOWN),
      moeCombine(features, label, { y: out, shares, x }, { columns: architecture.hiddenSize, topK: dims.topK }),
    ];
  },

  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares } = activations;
    const { logits, experts, inner } = activations.moe!;
    const { dims, label, router, bias, gateUp } = mixture(scope, block);
    const chosen = { logits, ...bias, h, squares, weights: gateUp, experts, y: inner };
    return [
      ...normedMatvec(features, label, { h, squares, weights: router, y: logits }, norm),
      ...moeRouteNormedMatvecSwiglu(features, label, chosen, dims, norm),
    ];
  },

  decodeAdd(scope, block, nextNorm) {
    const { x, h, squares } = scope.activations;
    const { experts, inner } = scope.activations.moe!;
    const { dims, label, down } = mixture(scope, block);
    const buffers = { v: inner, experts, weights: down, normWeight: nextNorm, x, h, squares };
    return moeMatvecAddToNorm(scope.features, label, buffers, dims);
  },
};
