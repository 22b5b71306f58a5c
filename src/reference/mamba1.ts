import { addBias } from './add_bias.ts';
import { conv1d } from './conv1d.ts';
import { matmul } from './matmul.ts';
import { type Branch, columns, given } from './mixers.ts';
import { rmsNorm } from './rms_norm.ts';
import { selectiveScan } from './selective_scan.ts';
import { softplus } from './softplus.ts';
import { at, rowCount } from './values.ts';

/**
 * A Mamba-1 mixer: in_proj, conv, x_proj, norms of delta, b and c, dt_proj, scan, gate, out_proj. in_proj's rows are x,
 * z. x_proj's rows are the deltas of all heads, each filled up to fours, then their b, then their c. A head has a range
 * of channels.
 */
export const mamba1Branch: Branch = ({ x: input, architecture, tensor: ofBlock, state, position }) => {
  const tensor = (name: string) => ofBlock(`mamba1.${name}`);
  const { inner: I, stateSize: N, dtRank, normEps, norms, heads = 1 } = given(architecture.mamba1, 'mamba1');
  const before = given(state.mamba1, 'state of mamba1');
  const biased = architecture.biases?.includes('mamba1') ?? false;
  const withBias = (values: Float64Array, name: string) => (biased ? addBias(values, tensor(name)) : values);
  const u = withBias(matmul(input, tensor('in_proj'), architecture.hiddenSize), 'in_proj_bias');
  const raw = columns(u, 2 * I, 0, I);
  const conv = conv1d(raw, tensor('conv1d_weight'), tensor('conv1d_bias'), before.conv, position);
  const selected = matmul(conv.v, tensor('x_proj'), I);
  const width = rowCount(tensor('x_proj'), I);
  const deltas = width - 2 * heads * N;
  const weights = norms === 'weighted' ? tensor('norms') : null;
  const part = (first: number, count: number) => {
    const values = columns(selected, width, first, count);
    if (norms === 'none') return values;
    const weight = Float64Array.from({ length: count }, (_, i) => (weights ? at(weights, first + i) : 1));
    return rmsNorm(values, weight, normEps);
  };
  // Values that fill a rank up count neither in its mean nor in the product.
  const isFilled = norms !== 'none' && dtRank < deltas;
  const delta = isFilled ? beside(part(0, dtRank), dtRank, deltas) : part(0, deltas);
  const dtBias = tensor('dt_bias');
  const dt = matmul(delta, tensor('dt_proj'), deltas).map((value, i) => softplus(value + at(dtBias, i % I)));
  const [b, c] = [part(deltas, heads * N), part(deltas + heads * N, heads * N)];
  const z = columns(u, 2 * I, I, I);
  const own = I / heads;
  const y = new Float64Array(conv.v.length);
  const ssm = new Float64Array(I * N);
  for (let head = 0; head < heads; head++) {
    const first = head * own;
    const ofHead = (values: Float64Array) => columns(values, I, first, own);
    const vector = (name: string, each: number) =>
      Float64Array.from({ length: own * each }, (_, i) => at(tensor(name), first * each + i));
    const inputs = {
      x: ofHead(conv.v),
      dt: ofHead(dt),
      a: vector('a', N),
      b: columns(b, heads * N, head * N, N),
      c: columns(c, heads * N, head * N, N),
      d: vector('d', 1),
      z: ofHead(z),
    };
    const scan = selectiveScan(inputs, before.ssm.subarray(first * N, (first + own) * N));
    ssm.set(scan.state, first * N);
    for (let t = 0; t < rowCount(scan.y, own); t++) y.set(scan.y.subarray(t * own, (t + 1) * own), t * I + first);
  }
  return {
    y: withBias(matmul(y, tensor('out_proj'), I), 'out_proj_bias'),
    state: { ...state, mamba1: { conv: conv.state, ssm } },
  };
};

/** Rows of `width` with zeros behind them up to `wider`. */
function beside(values: Float64Array, width: number, wider: number): Float64Array {
  const rows = rowCount(values, width);
  const out = new Float64Array(rows * wider);
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * width, (row + 1) * width), row * wider);
  return out;
}
