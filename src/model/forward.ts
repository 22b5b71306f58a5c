import { BufferSet, type BufferSlice, readBuffer, readFloats, slice } from '../gpu/buffers.ts';
import { Plan } from '../gpu/plan.ts';
import { cacheRowBytes, type CacheType } from '../kernels/attention/kv-cache.ts';
import { headOfAll } from './hybrid.ts';
import { type Model, type PassParts, writeStep } from './model.ts';

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
  const { activations } = model.promptPass(ids.length).scope;
  const set = new BufferSet(device, 'forward');
  const logits = set.floats('logits', activations.tokens, vocabSize);
  const heads = new Map<PassParts, Plan>();
  const headOf = async (parts: PassParts): Promise<Plan> => {
    const built = heads.get(parts);
    if (built) return built;
    const head = Plan.bind(device, parts.pipelines, activations.step.buffer, headOfAll(parts.scope, slice(logits)));
    heads.set(parts, head);
    await head.ready();
    return head;
  };
  const result: ForwardResult = {
    logits: new Float32Array(ids.length * vocabSize),
    hidden: options.hidden
      ? Array.from({ length: architecture.blocks.length + 2 }, () => new Float32Array(ids.length * hiddenSize))
      : [],
  };
  const taps = result.hidden.map((_, index) => set.floats(`tap ${index}`, activations.tokens, hiddenSize));
  try {
    for (let first = 0; first < ids.length; first += activations.tokens) {
      const chunk = ids.slice(first, first + activations.tokens);
      const parts = model.promptPass(chunk.length);
      const { plan, ends } = parts;
      await plan.ready();
      const head = await headOf(parts);
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
    for (const head of heads.values()) head.dispose();
    set.dispose();
  }
  gpu.check();
  return result;
}

/** Steps that are submitted before anything of them is read back. */
const STEPS_AT_ONCE = 64;

/**
 * As `forward`, by the kernels of one decoded token, which generation runs: a step for each token, the token being given
 * instead of sampled.
 * @throws BambaError as `Model.prefill`.
 */
export async function forwardSteps(
  model: Model,
  ids: readonly number[],
  options: { hidden?: boolean } = {},
): Promise<ForwardResult> {
  const { gpu, state, architecture } = model;
  const { device } = gpu;
  const { vocabSize: V, hiddenSize: C, blocks } = architecture;
  await model.reserve(state.position + ids.length);
  const { scope, plan, ends } = model.stepPass;
  const { activations } = scope;
  const rows = Math.min(STEPS_AT_ONCE, ids.length);
  const set = new BufferSet(device, 'forward steps');
  const logits = set.floats('logits', rows, V);
  const result: ForwardResult = {
    logits: new Float32Array(ids.length * V),
    hidden: options.hidden ? Array.from({ length: blocks.length + 2 }, () => new Float32Array(ids.length * C)) : [],
  };
  const taps = result.hidden.map((_, index) => set.floats(`tap ${index}`, rows, C));
  const squares = set.floats('squares', rows, C / 4);
  const copyRow = (encoder: GPUCommandEncoder, from: BufferSlice, to: GPUBuffer, row: number, width: number) =>
    encoder.copyBufferToBuffer(from.buffer, from.offset, to, row * width * 4, width * 4);
  const submitStep = (id: number, row: number) => {
    writeStep(gpu, activations, state.position, 1);
    device.queue.writeBuffer(activations.ids.buffer, 0, new Uint32Array([id]));
    const encoder = device.createCommandEncoder({ label: 'forward step' });
    let begin = 0;
    for (const [index, end] of ends.entries()) {
      const pass = encoder.beginComputePass();
      plan.record(pass, 1, begin, end);
      pass.end();
      begin = end;
      const tap = taps[index];
      const isHead = index === ends.length - 1;
      if (tap) copyRow(encoder, isHead ? activations.h : activations.x, tap, row, C);
    }
    copyRow(encoder, activations.squares, squares, row, C / 4);
    copyRow(encoder, activations.logits, logits, row, V);
    device.queue.submit([encoder.finish()]);
    state.tokens.push(id);
  };
  try {
    for (let first = 0; first < ids.length; first += rows) {
      const batch = ids.slice(first, first + rows);
      for (const [row, id] of batch.entries()) submitStep(id, row);
      const read = (buffer: GPUBuffer, width: number) => readFloats(device, slice(buffer, 0, batch.length * width * 4));
      result.logits.set(await read(logits, V), first * V);
      for (const [index, tap] of taps.entries()) result.hidden[index]!.set(await read(tap, C), first * C);
      const normed = result.hidden.at(-1)?.subarray(first * C, (first + batch.length) * C);
      // LayerNorms are done where others are only begun.
      if (normed && architecture.norm !== 'layer')
        divideByRms(normed, await read(squares, C / 4), C, architecture.normEps);
    }
  } finally {
    set.dispose();
  }
  gpu.check();
  return result;
}

/** Ends the norm that a step leaves to the product behind it: rows (T, C) of x * weight, sums of squares (T, C / 4). */
function divideByRms(rows: Float32Array, squares: Float32Array, C: number, eps: number): void {
  for (let row = 0; row < rows.length / C; row++) {
    const sum = squares.subarray((row * C) / 4, ((row + 1) * C) / 4).reduce((total, part) => total + part, 0);
    const rms = Math.sqrt(sum / C + eps);
    for (let column = row * C; column < (row + 1) * C; column++) rows[column] = rows[column]! / rms;
  }
}

/**
 * What the mixers of a block keep of a model's live sequence, read back: conv (4, channels) and ssm of recurrent mixers,
 * keys and values (position, J, headDim) of attention.
 * @param decode what the words of a cache stand for: rows of `headDim`
 */
export async function readState(
  model: Model,
  index: number,
  decode: (type: CacheType, words: Uint32Array, headDim: number) => Float32Array,
): Promise<Record<string, Float32Array>> {
  const { gpu, state, architecture } = model;
  const { attention, ...recurrent } = state.blocks[index]!;
  const read: Record<string, Float32Array> = {};
  for (const [name, buffer] of Object.values(recurrent).flatMap((kept: object) => Object.entries(kept))) {
    read[name] = await readFloats(gpu.device, buffer as BufferSlice);
  }
  if (!attention) return read;
  const { kvHeads, headDim } = architecture.attention!;
  const width = kvHeads * headDim;
  const rowBytes = kvHeads * cacheRowBytes(attention.type, headDim);
  for (const name of ['keys', 'values'] as const) {
    const values = new Float32Array(state.position * width);
    for (const segment of attention.segments) {
      const rows = Math.min(segment.tokens, attention.ring ?? Infinity, state.position - segment.first);
      if (rows <= 0) break;
      const words = new Uint32Array(await readBuffer(gpu.device, { ...segment[name], size: rows * rowBytes }));
      const held = decode(attention.type, words, headDim);
      if (attention.ring === undefined) values.set(held, segment.first * width);
      // Of a ring the latest tokens: those before them stay zero.
      else {
        for (let token = state.position - rows; token < state.position; token++) {
          const row = (token % attention.ring) * width;
          values.set(held.subarray(row, row + width), token * width);
        }
      }
    }
    read[name] = values;
  }
  return read;
}
