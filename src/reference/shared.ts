import { add } from './add.ts';
import { geglu } from './geglu.ts';
import { matmul } from './matmul.ts';
import { attentionBranch } from './mixers.ts';
import type { BlockState, ReferenceArchitecture } from './model.ts';
import { rmsNorm } from './rms_norm.ts';
import { rowCount, type Values } from './values.ts';

/** What the transformer that blocks share is given. */
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
 * What a mixer of Zamba2 reads besides x, (T, C): linear(down(geglu((gate_up + adapter)(n)))) with n the norm of attention
 * over x and the embeddings side by side. Nothing in it has a residual of its own. Glorioso et al. 2024.
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
  });
  const n = rmsNorm(attended.y, ofSet('mlp_norm'), normEps);
  const gateUp = matmul(n, ofSet('gate_up'), C);
  const active = geglu(hasAdapters(architecture) ? add(gateUp, adapter(n, ofBlock, C)) : gateUp);
  const out = matmul(active, ofSet('down'), rowCount(ofSet('down'), C));
  return { y: matmul(out, ofBlock('shared.linear'), C), state: attended.state };
}

function hasAdapters({ shared }: ReferenceArchitecture): boolean {
  return (shared?.adapterRank ?? 0) > 0;
}

/** What the block's own adapter adds to gate and up. */
function adapter(n: Float64Array, ofBlock: SharedInput['ofBlock'], C: number): Float64Array {
  const rank = rowCount(ofBlock('shared.adapter_in'), C);
  return matmul(matmul(n, ofBlock('shared.adapter_in'), C), ofBlock('shared.adapter_out'), rank);
}

function sideBySide(left: Float64Array, right: Float64Array, width: number): Float64Array {
  const out = new Float64Array(2 * left.length);
  for (let row = 0; row < rowCount(left, width); row++) {
    out.set(left.subarray(row * width, (row + 1) * width), 2 * row * width);
    out.set(right.subarray(row * width, (row + 1) * width), (2 * row + 1) * width);
  }
  return out;
}
