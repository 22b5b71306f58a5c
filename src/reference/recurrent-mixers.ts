import { addBias } from './add_bias.ts';
import { conv1d } from './conv1d.ts';
import { correctionStrength, type DeltaDims, gatedDelta, logDecay } from './gated_delta.ts';
import { geluTanh } from './gelu_tanh.ts';
import { matmul } from './matmul.ts';
import { type Branch, columns, given } from './mixers.ts';
import { rgLru } from './rg_lru.ts';
import { rmsNorm } from './rms_norm.ts';
import { shortConv } from './short_conv.ts';
import { silu } from './silu.ts';
import { at, type Values } from './values.ts';

// Branches of recurrences that are no Mamba mixers.

/** A short convolution between two projections: in_proj's rows are B, C, x. */
export const shortConvBranch: Branch = ({ x: input, architecture, tensor: ofBlock, state, position }) => {
  const { hiddenSize: C } = architecture;
  const tensor = (name: string) => ofBlock(`short_conv.${name}`);
  const before = given(state.short_conv, 'state of short_conv');
  const u = matmul(input, tensor('in_proj'), C);
  const { v, state: conv } = shortConv(
    { u, weight: tensor('weight'), biases: tensor('biases') },
    before.conv,
    position,
  );
  const out = matmul(v, tensor('out_proj'), C);
  const y = architecture.biases?.includes('short_conv') ? addBias(out, tensor('out_proj_bias')) : out;
  return { y, state: { ...state, short_conv: { conv } } };
};

/** Widths of keys, values, the convolution and in_proj's output of a gated delta mixer. */
export function deltaWidths({ keyHeads, valueHeads, keyDim, valueDim }: DeltaDims) {
  const keys = keyHeads * keyDim;
  const values = valueHeads * valueDim;
  const channels = 2 * keys + values;
  return { keys, values, channels, projected: values + channels + 2 * valueHeads };
}

/** A gated delta mixer: in_proj, conv, recurrence, a norm of each head, gate, out_proj. in_proj's rows are z, q, k, v, b, a. */
export const gatedDeltaBranch: Branch = ({ x: input, architecture, tensor: ofBlock, state, position }) => {
  const tensor = (name: string) => ofBlock(`gated_delta.${name}`);
  const dims = given(architecture.gatedDelta, 'gatedDelta');
  const before = given(state.gated_delta, 'state of gated_delta');
  const { keys, values, channels, projected } = deltaWidths(dims);
  const { valueHeads: H } = dims;
  const u = matmul(input, tensor('in_proj'), architecture.hiddenSize);
  const raw = columns(u, projected, values, channels);
  const conv = conv1d(raw, tensor('conv1d_weight'), tensor('conv1d_bias'), before.conv, position);
  const [dtBias, a] = [tensor('dt_bias'), tensor('a')];
  const gates = (index: number) => columns(u, projected, values + channels + index * H, H);
  const inputs = {
    q: columns(conv.v, channels, 0, keys),
    k: columns(conv.v, channels, keys, keys),
    v: columns(conv.v, channels, 2 * keys, values),
    beta: gates(0).map((value) => correctionStrength(value, dims.betaScale)),
    g: gates(1).map((value, i) => logDecay(value, at(dtBias, i % H), at(a, i % H))),
  };
  const { o, state: ssm } = gatedDelta(inputs, before.ssm, dims);
  const z = columns(u, projected, 0, values);
  const gated = rmsNorm(o, tensor('norm'), dims.normEps).map((value, i) => value * silu(at(z, i)));
  return {
    y: matmul(gated, tensor('out_proj'), values),
    state: { ...state, gated_delta: { conv: conv.state, ssm } },
  };
};

/** A recurrent block of Griffin; in_proj's rows are those of the output's gate, then of the recurrence. */
export const rgLruBranch: Branch = ({ x: input, architecture, tensor: ofBlock, state, position }) => {
  const tensor = (name: string) => ofBlock(`rg_lru.${name}`);
  const { width: w, heads } = given(architecture.rgLru, 'rgLru');
  const before = given(state.rg_lru, 'state of rg_lru');
  const product = (x: Values, name: string, width: number) => {
    const y = matmul(x, tensor(name), width);
    return architecture.biases?.includes('rg_lru') ? addBias(y, tensor(`${name}_bias`)) : y;
  };
  const u = product(input, 'in_proj', architecture.hiddenSize);
  const raw = columns(u, 2 * w, w, w);
  const conv = conv1d(raw, tensor('conv1d_weight'), tensor('conv1d_bias'), before.conv, position, (value) => value);
  const vectors = ['input_bias', 'recurrence_bias', 'parameter'].flatMap((name) => Array.from(tensor(name)));
  const { y, state: ssm } = rgLru(conv.v, { gates: tensor('gates'), vectors }, before.ssm, { heads, position });
  const z = columns(u, 2 * w, 0, w);
  const gated = y.map((value, i) => value * geluTanh(at(z, i)));
  return { y: product(gated, 'out_proj', w), state: { ...state, rg_lru: { conv: conv.state, ssm } } };
};
