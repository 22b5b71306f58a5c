import { it } from 'vitest';
import { sigmoid } from '../../reference/sigmoid.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { ATTENTION_SPLITS } from './attention-shape.ts';
import { attentionGate, attentionGateKernel } from './attention_gate.ts';

describeGpu(attentionGateKernel, (gpu) => {
  const SHAPES = [
    { heads: 1, headDim: 4 },
    { heads: 3, headDim: 32 },
    { heads: 2, headDim: 256 },
  ];

  it.each(SHAPES)('gates $heads heads of $headDim of every token by its own gate', async (dims) => {
    const width = dims.heads * dims.headDim;
    for (const tokens of [1, 3]) {
      const [y, gate] = [randomTensor(1, tokens * width), randomTensor(2, tokens * width)];
      const out = gpu().output(y);
      const spec = attentionGate(gpu().features, 'test', { gate: gpu().input(gate), y: out }, dims, 'tokens');
      await gpu().run(spec, { tokens });
      const expected = y.map((value, i) => value * sigmoid(gate[i]!));
      expectClose(await gpu().read(out), expected, { rel: expBound(6) });
    }
  });

  it.each(SHAPES)('gates all splits of one token alike, and leaves their sums', async (dims) => {
    const stride = dims.headDim + 4;
    const partial = randomTensor(3, ATTENTION_SPLITS * dims.heads * stride);
    const gate = randomTensor(4, dims.heads * dims.headDim, 30);
    const out = gpu().output(partial);
    const spec = attentionGate(gpu().features, 'test', { gate: gpu().input(gate), y: out }, dims, 'partial');
    await gpu().run(spec, { tokens: 1 });
    const expected = partial.map((value, i) => {
      const [head, d] = [Math.floor(i / stride) % dims.heads, i % stride];
      return d < dims.headDim ? value * sigmoid(gate[head * dims.headDim + d]!) : value;
    });
    expectClose(await gpu().read(out), expected, { rel: expBound(100), abs: 1e-36 });
  });
});
