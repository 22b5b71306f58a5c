import type { DispatchSpec } from '../../gpu/plan.ts';
import { moeSharedGate } from '../../kernels/moe/moe_shared_gate.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { normedMatvecSwiglu } from '../../kernels/projections/normed_matvec_swiglu.ts';
import { relu2 as relu2Kernel } from '../../kernels/shared/relu2.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { routerRows } from './moe.ts';

const labelOf = (block: number) => `block ${block} / mlp`;

function down({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.down`, architecture.hiddenSize, architecture.intermediateSize);
}

function gateUp({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.gate_up`, 2 * architecture.intermediateSize, architecture.hiddenSize);
}

function up({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.up`, architecture.intermediateSize, architecture.hiddenSize);
}

function addDown(scope: Scope, block: number) {
  const { ff, x } = scope.activations;
  const buffers = { x: ff, weights: down(scope, block), y: x };
  return project(scope, labelOf(block), buffers, { normed: false, action: 'add' });
}

const decodeAdd: BranchPlan['decodeAdd'] = (scope, block, nextNorm) => {
  const { x, h, squares, ff } = scope.activations;
  const stream = { weights: down(scope, block), normWeight: nextNorm, x, h, squares };
  return matvecAddToNorm(scope.features, labelOf(block), { v: ff, ...stream });
};

/** The gate of an MLP beside a mixture of experts, by a logit that the mixture has left, if the model has such. */
function sharedGate({ architecture, features, activations }: Scope, block: number): DispatchSpec[] {
  const { moe, intermediateSize: columns } = architecture;
  if (!moe?.sharedGate) return [];
  const buffers = { logits: activations.moe!.logits, y: activations.ff };
  const place = { columns, stride: routerRows(moe), column: moe.experts };
  return [moeSharedGate(features, labelOf(block), buffers, place)];
}

/** down(silu(gate(h)) * up(h)), Shazeer 2020. */
export const swiglu: BranchPlan = {
  prefill(scope, block) {
    const { h, ff } = scope.activations;
    const buffers = { x: h, weights: gateUp(scope, block), y: ff };
    const gated = project(scope, labelOf(block), buffers, { normed: true, action: 'swiglu' });
    return [...gated, ...sharedGate(scope, block), ...addDown(scope, block)];
  },
  decodeRead(scope, block, norm) {
    const { h, squares, ff } = scope.activations;
    const buffers = { h, squares, weights: gateUp(scope, block), y: ff };
    return [...normedMatvecSwiglu(scope.features, labelOf(block), buffers, norm), ...sharedGate(scope, block)];
  },
  decodeAdd,
};

/** down(max(up(h), 0)^2), So et al. 2021. */
export const relu2: BranchPlan = {
  prefill(scope, block) {
    const { features, activations, architecture } = scope;
    const { h, ff } = activations;
    const buffers = { x: h, weights: up(scope, block), y: ff };
    return [
      ...project(scope, labelOf(block), buffers, { normed: true }),
      relu2Kernel(features, labelOf(block), ff, architecture.intermediateSize),
      ...addDown(scope, block),
    ];
  },
  decodeRead(scope, block, norm) {
    const { features, activations, architecture } = scope;
    const { h, squares, ff } = activations;
    const buffers = { h, squares, weights: up(scope, block), y: ff };
    return [
      ...normedMatvec(features, labelOf(block), buffers, norm),
      relu2Kernel(features, labelOf(block), ff, architecture.intermediateSize),
    ];
  },
  decodeAdd,
};
