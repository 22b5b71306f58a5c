import { activate, type Activation, gated } from './activation.ts';
import { add } from './add.ts';
import { addBias } from './add_bias.ts';
import { embed } from './embed.ts';
import { layerNorm } from './layer_norm.ts';
import { matmul } from './matmul.ts';
import { moe } from './moe.ts';
import type { BlockState, ReferenceArchitecture, ReferenceState, ReferenceTensors, Sublayer } from './model.ts';
import { mamba1Branch } from './mamba1.ts';
import { attentionBranch, type Branch, type BranchInput, given, mamba2Branch, mamba2Widths } from './mixers.ts';
import { deltaWidths, gatedDeltaBranch, rgLruBranch, shortConvBranch } from './recurrent-mixers.ts';
import { rmsNorm } from './rms_norm.ts';
import { sharedTransformer } from './shared.ts';
import { sigmoid } from './sigmoid.ts';
import { softCap } from './soft_cap.ts';
import { at, rowCount, type Values } from './values.ts';

// The whole model, token by token where it is a recurrence: what everything else is held to.

export interface ForwardResult {
  /** (T, V) */
  logits: Float64Array;
  /** (T, C) each: the embeddings, then the residual stream after each block. */
  hidden: Float64Array[];
  /** (T, C): the last of `hidden` after the final norm. */
  normed: Float64Array;
  state: ReferenceState;
}

/** The state before the first token. */
export function emptyState({
  hiddenSize,
  blocks,
  mamba2,
  mamba1,
  gatedDelta,
  rgLru,
}: ReferenceArchitecture): ReferenceState {
  return {
    position: 0,
    blocks: blocks.map((block): BlockState => {
      const state: BlockState = {};
      for (const kind of block.flat()) {
        if (kind === 'attention' || kind === 'shared') {
          state.attention = { keys: new Float64Array(0), values: new Float64Array(0) };
        }
        if (kind === 'short_conv') state.short_conv = { conv: new Float64Array(4 * hiddenSize) };
        if (kind === 'rg_lru') {
          const { width } = given(rgLru, 'rgLru');
          state.rg_lru = { conv: new Float64Array(4 * width), ssm: new Float64Array(width) };
        }
        if (kind === 'gated_delta') {
          const dims = given(gatedDelta, 'gatedDelta');
          const { values, channels } = deltaWidths(dims);
          state.gated_delta = { conv: new Float64Array(4 * channels), ssm: new Float64Array(values * dims.keyDim) };
        }
        if (kind === 'mamba1') {
          const { inner, stateSize } = given(mamba1, 'mamba1');
          state.mamba1 = { conv: new Float64Array(4 * inner), ssm: new Float64Array(inner * stateSize) };
        }
        if (kind === 'mamba2') {
          const dims = given(mamba2, 'mamba2');
          const { inner, channels } = mamba2Widths(dims);
          state.mamba2 = { conv: new Float64Array(4 * channels), ssm: new Float64Array(inner * dims.stateSize) };
        }
      }
      return state;
    }),
  };
}

const BRANCHES: Readonly<Record<Exclude<Sublayer[number], 'shared'>, Branch>> = {
  mamba2: mamba2Branch,
  mamba1: mamba1Branch,
  short_conv: shortConvBranch,
  gated_delta: gatedDeltaBranch,
  rg_lru: rgLruBranch,
  attention: attentionBranch,
  swiglu: mlp('gate_up', (values, activation = 'silu') => gated(values, activation)),
  relu2: mlp('up', (values, activation = 'relu2') => activate(values, activation)),
  moe({ x, architecture, tensor, state }) {
    const { hiddenSize: C, biases } = architecture;
    const { experts: E, topK, routing, ungated, latentSize: L } = given(architecture.moe, 'moe');
    const experts = {
      router: Array.from({ length: E * C }, (_, i) => at(tensor('moe.router'), i)),
      first: tensor(ungated ? 'moe.up' : 'moe.gate_up'),
      down: tensor('moe.down'),
      topK,
      routing,
      ungated,
      bias: routing?.biased ? tensor('moe.bias') : undefined,
    };
    if (L === undefined) return { y: moe(x, experts, C), state };
    const projected = (values: Float64Array, name: string, columns: number) => {
      const y = matmul(values, tensor(`moe.${name}`), columns);
      return biases?.includes('mlp') ? addBias(y, tensor(`moe.${name}_bias`)) : y;
    };
    return { y: projected(moe(x, experts, C, projected(x, 'latent_in', C)), 'latent_out', L), state };
  },
};

/** Multiplies each row by the sigmoid of the router's last logit. */
function gateRows(
  rows: Float64Array,
  x: Float64Array,
  router: Values,
  { hiddenSize: C, moe: mixture }: ReferenceArchitecture,
) {
  const E = given(mixture, 'moe').experts;
  const T = rowCount(x, C);
  const F = rows.length / T;
  for (let t = 0; t < T; t++) {
    let logit = 0;
    for (let c = 0; c < C; c++) logit += at(router, E * C + c) * at(x, t * C + c);
    for (let f = 0; f < F; f++) rows[t * F + f] = at(rows, t * F + f) * sigmoid(logit);
  }
}

/** down(activation(first(x))), each matrix with its bias. */
function mlp(first: string, act: (values: Float64Array, activation?: Activation) => Float64Array): Branch {
  return ({ x, architecture, tensor, state }) => {
    const { hiddenSize: C, activation, biases } = architecture;
    const product = (values: Float64Array, name: string, columns: number) => {
      const y = matmul(values, tensor(name), columns);
      return biases?.includes('mlp') ? addBias(y, tensor(`${name}_bias`)) : y;
    };
    const active = act(product(x, first, C), activation);
    if (architecture.moe?.sharedGate) gateRows(active, x, tensor('moe.router'), architecture);
    return { y: product(active, 'down', rowCount(tensor('down'), C)), state };
  };
}

/**
 * Runs `ids` after what `state` holds, which is left as it is.
 *
 * ```ts
 * const prompt = forward(architecture, tensors, [1, 2, 3]);
 * const next = forward(architecture, tensors, [4], prompt.state);
 * ```
 */
export function forward(
  architecture: ReferenceArchitecture,
  tensors: ReferenceTensors,
  ids: Values,
  state: ReferenceState = emptyState(architecture),
): ForwardResult {
  const { hiddenSize: C, blocks, normEps, tiedHead, embeddingScale, logitScale, logitCap } = architecture;
  const tensor = (name: string) => given(tensors.get(name), name);
  const norm = (values: Float64Array, name: string) =>
    architecture.norm === 'layer'
      ? layerNorm(values, tensor(name), tensor(`${name}_bias`), normEps)
      : rmsNorm(values, tensor(name), normEps);
  let x = embed(ids, tensor('embedding'), C, embeddingScale);
  const embedded = x;
  const hidden = [x];
  let uses = 0;
  const states: BlockState[] = [];
  for (const [index, block] of blocks.entries()) {
    const ofBlock = (name: string) => tensor(`blocks.${index}.${name}`);
    let after = given(state.blocks[index], `state of block ${index}`);
    const place = architecture.normPlaces?.[index] ?? 'before';
    for (const sublayer of block) {
      const isMlp = sublayer.some((kind) => kind === 'swiglu' || kind === 'relu2' || kind === 'moe');
      let read = x;
      if (sublayer.includes('shared')) {
        const set = uses++ % given(architecture.shared, 'shared transformer').sets;
        const ofSet = (name: string) => tensor(`shared.${set}.${name}`);
        const { position } = state;
        const input = { x, embedded, architecture, ofSet, ofBlock, state: after, position, block: index };
        const result = sharedTransformer(input);
        read = add(x, result.y);
        after = result.state;
      }
      const input: Omit<BranchInput, 'state'> = {
        x: place === 'after' ? read : norm(read, `blocks.${index}.${isMlp ? 'mlp_norm' : 'norm'}`),
        architecture,
        tensor: ofBlock,
        position: state.position,
        block: index,
      };
      let sum: Float64Array = new Float64Array(x.length);
      for (const kind of sublayer) {
        if (kind === 'shared') continue;
        const { y, state: next } = BRANCHES[kind]({ ...input, state: after });
        sum = add(sum, y);
        after = next;
      }
      x = add(x, place === 'before' ? sum : norm(sum, `blocks.${index}.${isMlp ? 'mlp_post_norm' : 'post_norm'}`));
    }
    states.push(after);
    hidden.push(x);
  }
  const normed = norm(x, 'final_norm');
  const scaled = matmul(normed, tensor(tiedHead ? 'embedding' : 'head'), C).map((logit) => logit * logitScale);
  const logits = logitCap === undefined ? scaled : softCap(scaled, logitCap);
  return { logits, hidden, normed, state: { position: state.position + ids.length, blocks: states } };
}
