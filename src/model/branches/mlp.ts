import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { moeSharedGate } from '../../kernels/moe/moe_shared_gate.ts';
import { matvecAddToNorm } from '../../kernels/projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../../kernels/projections/normed_matvec.ts';
import { normedMatvecSwiglu } from '../../kernels/projections/normed_matvec_swiglu.ts';
import { GATED_ACTIONS } from '../../kernels/projections/projection.ts';
import { geglu } from '../../kernels/shared/geglu.ts';
import { relu2 as relu2Kernel } from '../../kernels/shared/relu2.ts';
import { hasBias, mlpWidth } from '../../architecture/architecture.ts';
import { project } from '../projections.ts';
import type { BranchPlan, Scope } from '../scope.ts';
import { withBias } from './biases.ts';
import { routerRows } from './moe.ts';

const labelOf = (block: number) => `block ${block} / mlp`;

function down({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.down`, architecture.hiddenSize, mlpWidth(architecture, block));
}

function gateUp({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.gate_up`, 2 * mlpWidth(architecture, block), architecture.hiddenSize);
}

function up({ architecture, weights }: Scope, block: number) {
  return weights.matrix(`blocks.${block}.up`, mlpWidth(architecture, block), architecture.hiddenSize);
}

/** y += bias of one of the matrices, if the MLP has such. */
function biased(scope: Scope, block: number, matrix: string, y: BufferSlice, columns: number): DispatchSpec[] {
  return withBias(scope, 'mlp', { name: `blocks.${block}.${matrix}_bias`, label: labelOf(block), y, columns });
}

function addDown(scope: Scope, block: number) {
  const { ff, x } = scope.activations;
  const buffers = { x: ff, weights: down(scope, block), y: x };
  return [
    ...biased(scope, block, 'down', x, scope.architecture.hiddenSize),
    ...project(scope, labelOf(block), buffers, { normed: false, action: 'add' }),
  ];
}

const decodeAdd: BranchPlan['decodeAdd'] = (scope, block, nextNorm) => {
  const { x, h, squares, ff } = scope.activations;
  const stream = { weights: down(scope, block), normWeight: nextNorm, x, h, squares };
  return [
    ...biased(scope, block, 'down', x, scope.architecture.hiddenSize),
    ...matvecAddToNorm(scope.features, labelOf(block), { v: ff, ...stream }),
  ];
};

/** The gate of an MLP beside a mixture of experts, by a logit that the mixture has left, if the model has such. */
function sharedGate({ architecture, features, activations }: Scope, block: number): DispatchSpec[] {
  const { moe } = architecture;
  if (!moe?.sharedGate) return [];
  const columns = mlpWidth(architecture, block);
  const buffers = { logits: activations.moe!.logits, y: activations.ff };
  const place = { columns, stride: routerRows(moe), column: moe.experts };
  return [moeSharedGate(features, labelOf(block), buffers, place)];
}

/** Between gate and up with biases, and down. */
function activateGated(scope: Scope, block: number): DispatchSpec[] {
  const { features, architecture, activations } = scope;
  const { activation = 'silu' } = architecture;
  const columns = mlpWidth(architecture, block);
  const { gateUp: u, ff: y } = activations;
  return [
    ...biased(scope, block, 'gate_up', u, 2 * columns),
    geglu(features, labelOf(block), { u, y }, { columns, activation }),
  ];
}

/** down(silu(gate(h)) * up(h)), Shazeer 2020, or with another activation. */
export const swiglu: BranchPlan = {
  prefill(scope, block) {
    const { architecture, activations, normed } = scope;
    const { h, ff, gateUp: u } = activations;
    const input = { x: h, weights: gateUp(scope, block) };
    const gated = hasBias(architecture, 'mlp')
      ? [...project(scope, labelOf(block), { ...input, y: u }, { normed }), ...activateGated(scope, block)]
      : project(
          scope,
          labelOf(block),
          { ...input, y: ff },
          { normed, action: GATED_ACTIONS[architecture.activation ?? 'silu'] },
        );
    return [...gated, ...sharedGate(scope, block), ...addDown(scope, block)];
  },
  decodeRead(scope, block, norm) {
    const { architecture, features, activations } = scope;
    const { h, squares, ff, gateUp: u } = activations;
    const input = { h, squares, weights: gateUp(scope, block) };
    if (hasBias(architecture, 'mlp')) {
      return [
        ...normedMatvec(features, labelOf(block), { ...input, y: u }, norm),
        ...activateGated(scope, block),
        ...sharedGate(scope, block),
      ];
    }
    const { activation = 'silu' } = architecture;
    return [
      ...normedMatvecSwiglu(features, labelOf(block), { ...input, y: ff }, { ...norm, activation }),
      ...sharedGate(scope, block),
    ];
  },
  decodeAdd,
  advance: () => [],
};

/** Between up and down of an MLP without a gate. */
function activatePlain(scope: Scope, block: number): DispatchSpec[] {
  const { features, architecture, activations } = scope;
  const { activation = 'relu2' } = architecture;
  const columns = mlpWidth(architecture, block);
  return [
    ...biased(scope, block, 'up', activations.ff, columns),
    relu2Kernel(features, labelOf(block), activations.ff, columns, activation),
  ];
}

/** down(max(up(h), 0)^2), So et al. 2021, or with another activation. */
export const relu2: BranchPlan = {
  prefill(scope, block) {
    const { h, ff } = scope.activations;
    const buffers = { x: h, weights: up(scope, block), y: ff };
    return [
      ...project(scope, labelOf(block), buffers, { normed: scope.normed }),
      ...activatePlain(scope, block),
      ...addDown(scope, block),
    ];
  },
  decodeRead(scope, block, norm) {
    const { features, activations } = scope;
    const { h, squares, ff } = activations;
    const buffers = { h, squares, weights: up(scope, block), y: ff };
    return [...normedMatvec(features, labelOf(block), buffers, norm), ...activatePlain(scope, block)];
  },
  decodeAdd,
  advance: () => [],
};
