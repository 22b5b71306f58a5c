import { expect, it } from 'vitest';
import { l2Norm } from '../../reference/gated_delta.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { DELTA_SHAPES } from '../../testing/kernels/delta-cases.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { deltaChunkSolve, deltaChunkSolveKernel } from './delta_chunk_solve.ts';
import { DELTA_CHUNK as Q, type DeltaDims, deltaWidths } from './delta-shape.ts';

// Sums of up to 128 products of entries below one, then 32 steps of substitution.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

describeGpu(deltaChunkSolveKernel, (gpu) => {
  /** What the system's definition says, in f64. */
  function solved(v: Float32Array, beta: Float64Array, logs: Float64Array, dims: DeltaDims) {
    const { keyHeads, valueHeads: H, keyDim: K, valueDim: V } = dims;
    const { keys, channels } = deltaWidths(dims);
    const T = v.length / channels;
    const w = new Float64Array(T * H * K);
    const fresh = new Float64Array(T * H * V);
    const scores = new Float64Array(Math.ceil(T / Q) * H * Q * Q);
    for (let h = 0; h < H; h++) {
      const key = Math.floor(h / (H / keyHeads)) * K;
      const vector = (t: number, from: number, size: number) =>
        v.subarray(t * channels + from, t * channels + from + size);
      const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
      for (let t = 0; t < T; t++) {
        const begin = t - (t % Q);
        const log = (token: number) => logs[token * H + h]!;
        const strength = beta[t * H + h]!;
        const k = vector(t, keys + key, K);
        for (let i = 0; i < K; i++) w[(t * H + h) * K + i] = strength * Math.exp(log(t)) * k[i]!;
        for (let i = 0; i < V; i++) fresh[(t * H + h) * V + i] = strength * vector(t, 2 * keys + h * V, V)[i]!;
        for (let s = begin; s <= t; s++) {
          const decay = Math.exp(log(t) - log(s));
          const other = vector(s, keys + key, K);
          scores[((Math.floor(t / Q) * H + h) * Q + (t % Q)) * Q + (s % Q)] = decay * product(vector(t, key, K), other);
          if (s === t) continue;
          const below = strength * decay * product(k, other);
          for (let i = 0; i < K; i++) w[(t * H + h) * K + i]! -= below * w[(s * H + h) * K + i]!;
          for (let i = 0; i < V; i++) fresh[(t * H + h) * V + i]! -= below * fresh[(s * H + h) * V + i]!;
        }
      }
    }
    return { w, fresh, scores };
  }

  async function run(T: number, dims: DeltaDims, seed: number) {
    const { valueHeads: H, keyDim: K, valueDim: V } = dims;
    const { keys, channels } = deltaWidths(dims);
    const v = randomTensor(seed, T * channels);
    for (let t = 0; t < T; t++) {
      const both = v.subarray(t * channels, t * channels + 2 * keys);
      both.set(l2Norm(both, K));
    }
    const beta = Float64Array.from(randomTensor(seed + 1, T * H), (value) => dims.betaScale / (1 + Math.exp(-value)));
    const steps = randomTensor(seed + 2, T * H).map((value) => -Math.exp(2 * value - 2));
    const logs = Float64Array.from(steps);
    for (let i = H; i < logs.length; i++) if (Math.floor(i / H) % Q > 0) logs[i] = logs[i]! + logs[i - H]!;
    const chunks = Math.ceil(T / Q);
    const decays = new Float32Array(chunks * H * Q * 4);
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let h = 0; h < H; h++) {
        for (let t = 0; t < Q; t++) {
          const token = Math.min(T - 1, chunk * Q + t);
          const sum = logs[token * H + h]!;
          const strength = chunk * Q + t < T ? beta[token * H + h]! : 0;
          decays.set([strength, Math.round(sum), sum - Math.round(sum), 0], ((chunk * H + h) * Q + t) * 4);
        }
      }
    }
    const out = {
      w: gpu().output(T * H * K),
      fresh: gpu().output(T * H * V),
      scores: gpu().output(chunks * H * Q * Q),
    };
    const buffers = { v: gpu().input(v), decays: gpu().input(decays), ...out };
    await gpu().run(deltaChunkSolve(gpu().features, 'test', buffers, dims), { tokens: T });
    return {
      actual: { w: await gpu().read(out.w), fresh: await gpu().read(out.fresh), scores: await gpu().read(out.scores) },
      expected: solved(v, beta, logs, dims),
    };
  }

  it.each(DELTA_SHAPES)('solves what defines it, for keys of $keyDim and values of $valueDim', async (dims) => {
    const { valueHeads: H } = dims;
    for (const T of [1, Q - 1, Q, 2 * Q + 5]) {
      const { actual, expected } = await run(T, dims, T);
      expectClose(actual.w, expected.w, CLOSE, 'w');
      expectClose(actual.fresh, expected.fresh, CLOSE, 'fresh');
      // Rows of tokens past the end mean nothing, and columns above the diagonal are zero.
      const isRow = (_: number, index: number) => {
        const chunk = Math.floor(index / (H * Q * Q));
        return chunk * Q + (Math.floor(index / Q) % Q) < T;
      };
      expectClose(actual.scores.filter(isRow), expected.scores.filter(isRow), CLOSE, 'scores');
      expect(actual.scores[1]).toBe(0);
    }
  });
});
