import { add } from './add.ts';
import { addBias } from './add_bias.ts';
import { geglu } from './geglu.ts';
import { matmul } from './matmul.ts';
import { attentionBranch } from './mixers.ts';
import type { BlockState, ReferenceArchitecture } from './model.ts';
import { rmsNorm } from './rms_norm.ts';
import { rowCount, type Values } from './values.ts';

/** The input of the transformer that blocks share. */
interface SharedInput {
  /** Residual stream (T, C). */
  x: Float64Array;
  /** Embeddings (T, C). */
  embedded: Float64Array;
  architecture: ReferenceArchitecture;
  /** Tensors of the shared set, and of the block. */
  ofSet: (name: string) => Values;
  ofBlock: (name: string) => Values;
  state: BlockState;
  position: number;
  /** Number of the block. */
  block: number;
}

/**
 * The input of a mixer of Zamba2 besides x, (T, C): linear(down(geglu((gate_up + adapter)(n)))). Here n is the norm of
 * attention over x and the embeddings side by side. No part of it has a residual of its own. Glorioso et al. 2024.
 */
export function sharedTransformer(input: SharedInput): { y: Float64Array; state: BlockState } {
  const { x, embedded, architecture, ofSet, ofBlock, state, position, block } = input;
  const { hiddenSize: C, normEps } = architecture;
  const attended = attentionBranch({
    x: rmsNorm(sideBySide(x, embedded, C), ofSet('norm'), normEps),
    architecture: { ...architecture, hiddenSize: 2 * C },
    tensor: (name) => ofSet(name.replace('attention.', '')),
    state,
    position,
    block,
    adapt: architecture.shared?.attentionAdapters && ((both) => adapter(both, ofBlock, 'qkv_adapter', 2 * C)),
  });
  const n = rmsNorm(attended.y, ofSet('mlp_norm'), normEps);
  const withBias = (values: Float64Array, name: string) =>
    architecture.biases?.includes('mlp') ? addBias(values, ofSet(`${name}_bias`)) : values;
  const gateUp = withBias(matmul(n, ofSet('gate_up'), C), 'gate_up');
  const active = geglu(hasAdapters(architecture) ? add(gateUp, adapter(n, ofBlock, 'adapter', C)) : gateUp);
  const out = withBias(matmul(active, ofSet('down'), rowCount(ofSet('down'), C)), 'down');
  return { y: matmul(out, ofBlock('shared.linear'), C), state: attended.state };
}

function hasAdapters({ shared }: ReferenceArchitecture): boolean {
  return (shared?.adapterRank ?? 0) > 0;
}

/** The summand of the block's own adapter for gate and up, or for q, k and v; n has rows of `width`. */
function adapter(n: Float64Array, ofBlock: SharedInput['ofBlock'], name: string, width: number): Float64Array {
  const into = ofBlock(`shared.${name}_in`);
  return matmul(matmul(n, into, width), ofBlock(`shared.${name}_out`), rowCount(into, width));
}

function sideBySide(left: Float64Array, right: Float64Array, width: number): Float64Array {
  const out = new Float64Array(2 * left.length);
  for (let row = 0; row < rowCount(left, width); row++) {
    out.set(left.subarray(row * width, (row + 1) * width), 2 * row * width);
    out.set(right.subarray(row * width, (row + 1) * width), (2 * row + 1) * width);
  }
  return out;
}
