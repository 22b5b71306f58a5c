import { it } from 'vitest';
import { sigmoid } from '../../reference/sigmoid.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { moeSharedGate, moeSharedGateKernel } from './moe_shared_gate.ts';

describeGpu(moeSharedGateKernel, (gpu) => {
  it('multiplies each row by the sigmoid of its own logit', async () => {
    for (const [tokens, columns, stride, scale] of [
      [1, 4, 1, 1],
      [3, 260, 9, 1],
      [2, 64, 5, 60],
    ] as const) {
      const logits = randomTensor(1, tokens * stride, scale);
      const y = randomTensor(2, tokens * columns);
      const out = gpu().output(y);
      const place = { columns, stride, column: stride - 1 };
      await gpu().run(moeSharedGate(gpu().features, 'test', { logits: gpu().input(logits), y: out }, place), {
        tokens,
      });
      const expected = y.map((value, i) => value * sigmoid(logits[Math.floor(i / columns) * stride + stride - 1]!));
      expectClose(await gpu().read(out), expected, { rel: expBound(4 * scale), abs: 1e-37 });
    }
  });
});
