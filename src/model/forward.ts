import { BufferSet, readFloats, slice } from '../gpu/buffers.ts';
import { Plan } from '../gpu/plan.ts';
import { headOfAll } from './hybrid.ts';
import { type Model, writeStep } from './model.ts';

// What passes compute, read back whole: for verification and measurement, apart from what generation needs.

/** What one pass over given tokens computed. */
export interface ForwardResult {
  /** (T, V) */
  logits: Float32Array;
  /** When asked for: the residual stream after embedding and after each block, then normed: each (T, C). */
  hidden: Float32Array[];
}

/**
 * Appends tokens to the live sequence of a model and reads all logits back, (T, V), and hidden states if asked for.
 * @throws BambaError as `Model.prefill`.
 */
export async function forward(
  model: Model,
  ids: readonly number[],
  options: { hidden?: boolean } = {},
): Promise<ForwardResult> {
  const { gpu, state, architecture } = model;
  const { device } = gpu;
  const { vocabSize, hiddenSize } = architecture;
  await model.reserve(state.position + ids.length);
  const { scope, pipelines, plan, ends } = model.promptPass;
  const { activations } = scope;
  const set = new BufferSet(device, 'forward');
  const logits = set.floats('logits', activations.tokens, vocabSize);
  const head = await Plan.build(device, pipelines, activations.step, headOfAll(scope, slice(logits)));
  const result: ForwardResult = {
    logits: new Float32Array(ids.length * vocabSize),
    hidden: options.hidden
      ? Array.from({ length: ends.length + 1 }, () => new Float32Array(ids.length * hiddenSize))
      : [],
  };
  const taps = result.hidden.map((_, index) => set.floats(`tap ${index}`, activations.tokens, hiddenSize));
  try {
    for (let first = 0; first < ids.length; first += activations.tokens) {
      const chunk = ids.slice(first, first + activations.tokens);
      await plan.ready(chunk.length);
      writeStep(gpu, activations, state.position, chunk.length);
      device.queue.writeBuffer(activations.ids.buffer, 0, new Uint32Array(chunk));
      const encoder = device.createCommandEncoder({ label: 'forward' });
      let begin = 0;
      for (const [index, end] of [...ends, -1].entries()) {
        const pass = encoder.beginComputePass();
        if (end < 0) head.record(pass, chunk.length);
        else plan.record(pass, chunk.length, begin, end);
        pass.end();
        begin = end;
        const tap = taps[index];
        const from = end < 0 ? activations.h : activations.x;
        if (tap) encoder.copyBufferToBuffer(from.buffer, 0, tap, 0, chunk.length * hiddenSize * 4);
      }
      device.queue.submit([encoder.finish()]);
      state.tokens.push(...chunk);
      result.logits.set(await readFloats(device, slice(logits, 0, chunk.length * vocabSize * 4)), first * vocabSize);
      for (const [index, tap] of taps.entries()) {
        const values = await readFloats(device, slice(tap, 0, chunk.length * hiddenSize * 4));
        result.hidden[index]!.set(values, first * hiddenSize);
      }
    }
  } finally {
    head.dispose();
    set.dispose();
  }
  gpu.check();
  return result;
}

/**
 * What the mixers of a block keep of a model's live sequence, read back: conv (4, CD) and ssm (H, P, N) of Mamba-2, keys
 * and values (position, J, headDim) of attention.
 */
export async function readState(model: Model, index: number): Promise<Record<string, Float32Array>> {
  const { gpu, state, architecture } = model;
  const { mamba2, mamba1, attention } = state.blocks[index]!;
  const { kvHeads, headDim } = architecture.attention ?? { kvHeads: 0, headDim: 0 };
  const bytes = state.position * kvHeads * headDim * 4;
  const read: Record<string, Float32Array> = {};
  for (const [name, buffer] of Object.entries({ ...mamba2, ...mamba1 }))
    read[name] = await readFloats(gpu.device, slice(buffer));
  for (const [name, buffer] of Object.entries({ ...attention })) {
    read[name] = await readFloats(gpu.device, slice(buffer, 0, bytes));
  }
  return read;
}
