import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { CACHE_TYPES } from '../kernels/attention/kv-cache.ts';
import { forward as reference } from '../reference/forward.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { ALL } from '../testing/extent.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { FAMILY_CONFIGS } from '../testing/checkpoints/family-configs.ts';
import { readCheckpointModel } from '../testing/models/golden.ts';
import { loadRandomModel } from '../testing/models/random-model.ts';
import { randomCheckpoint } from '../testing/checkpoints/random-checkpoint.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { memorySource } from '../weights/byte-source.ts';
import { forward, forwardSteps } from './forward.ts';
import type { Model } from './model.ts';
import { longestPass } from './window-ring.ts';

// Sequences that go round the rings of blocks with a window, beside blocks without.

const GEMMA = FAMILY_CONFIGS['gemma3_text: norms around branches, windows that turn apart, GELU']!;
const VOCABULARY = 40;
const TOKENS = ALL ? 1100 : 600;
/** Of a window of 8: it and the least room for a pass, in whole blocks. */
const RING = 512;
const prompt = Array.from(randomTensor(1, TOKENS), (value) => Math.floor(Math.abs(value) * 1e4) % VOCABULARY);
/** Tokens of a pass whose programs are quick to compile. */
const SHORT = 32;
const CLOSE = { ofLargest: 1e-4 };

describe.skipIf(!hasAdapter)('a ring of keys and values', () => {
  let gpu: Gpu;
  let expected: Float64Array;
  const models: Model[] = [];
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    const { architecture, tensors } = await readCheckpointModel(memorySource(randomCheckpoint(GEMMA)));
    expected = reference(architecture, tensors, prompt).logits;
  });
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
  });
  afterAll(() => gpu?.dispose());

  const load = async (options: object = {}): Promise<Model> => {
    const model = await loadRandomModel(gpu, GEMMA, {
      contextLength: 2048,
      ...(!ALL && { chunkTokens: SHORT }),
      ...options,
    });
    models.push(model);
    return model;
  };
  const rows = (from: number, to: number) => expected.subarray(from * VOCABULARY, to * VOCABULARY);

  it('gives what the reference does over a longer text, in passes of any length', async () => {
    // Short passes compile in a fraction of the time.
    const model = await load({ chunkTokens: ALL ? 512 : SHORT });
    // Longer passes would overwrite what they look back at.
    expect(longestPass(model.architecture)).toBe(RING - 8 + 1);
    expect(model.chunkTokens).toBeLessThanOrEqual(RING - 8 + 1);
    expectClose((await forward(model, prompt)).logits, expected, CLOSE, 'in passes of one length');
    model.state.reset();
    const logits: number[] = [];
    for (const [from, to] of [
      [0, 500],
      [500, 515],
      [515, 516],
      [516, TOKENS],
    ] as const) {
      logits.push(...(await forward(model, prompt.slice(from, to))).logits);
    }
    expectClose(logits, expected, CLOSE, 'in parts');
  });

  it('is read by single steps as by passes, over its end', async () => {
    const model = await load();
    for (const from of ALL ? [RING - 4, 2 * RING - 4] : [RING - 4]) {
      model.state.reset();
      await forward(model, prompt.slice(0, from));
      const steps = await forwardSteps(model, prompt.slice(from, from + 8));
      expectClose(steps.logits, rows(from, from + 8), CLOSE, `from ${from}`);
    }
  });

  it('has no more rows than it needs, and no fewer than the text while that is short', async () => {
    const model = await load();
    const { attention } = model.architecture;
    const rowBytes = attention!.kvHeads * attention!.headDim * 4;
    const bytes = () => model.state.blocks.map((block) => block.attention!.segments.map(({ keys }) => keys.size));
    expect(bytes()).toEqual([[256], [256], [256]].map(([tokens]) => [tokens! * rowBytes]));
    await model.reserve(2000);
    expect(model.state.capacity).toBe(2048);
    expect(bytes()).toEqual([[RING], [2048], [RING]].map(([tokens]) => [tokens! * rowBytes]));
    const segmented = await load({ segmentTokens: 256 });
    await segmented.reserve(1000);
    expect(segmented.state.blocks.map((block) => block.attention!.segments.length)).toEqual([1, 4, 1]);
    if (ALL) expectClose((await forward(segmented, prompt)).logits, expected, CLOSE, 'in segments');
  });

  it.each(ALL ? CACHE_TYPES : (['int8'] as const))(
    'of %s comes back from a snapshot exactly, before its end and behind',
    async (kvCacheType) => {
      const model = await load({ kvCacheType });
      for (const kept of ALL ? [100, RING + 50, 2 * RING + 10] : [RING + 50]) {
        model.state.reset();
        await model.prefill(prompt.slice(0, kept), { logits: true });
        const snapshot = await model.snapshot();
        expect(snapshot.bytes).toBe(model.snapshotBytes());
        const never = (await forward(model, prompt.slice(kept, kept + 40))).logits;
        await model.prefill(prompt.slice(0, 300));
        await model.restore(snapshot);
        expect((await forward(model, prompt.slice(kept, kept + 40))).logits).toEqual(never);
        snapshot.dispose();
      }
    },
  );
});
