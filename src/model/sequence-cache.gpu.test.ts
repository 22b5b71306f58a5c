import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose, measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { partOf } from '../testing/extent.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../testing/checkpoints/family-configs.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { expectSnapshots, loadRandomModel } from '../testing/models/random-model.ts';
import { forward, forwardSteps } from './forward.ts';
import type { Model } from './model.ts';
import { CACHE_BLOCK } from './window-ring.ts';

// Keys and values of whole models, small and of random weights: in segments, growing, and in each type.

const BAMBA = {
  ...common,
  ...mamba,
  ...attention,
  // Of all that a long prompt takes, attention takes most.
  num_attention_heads: 2,
  num_key_value_heads: 1,
  model_type: 'bamba',
  num_hidden_layers: 3,
  attn_layer_indices: [0, 2],
};
const CONTEXT = 2048;
/** Two segments and a part of a third. */
const TOKENS = 560;
const prompt = Array.from(randomTensor(1, TOKENS), (value) => Math.floor(Math.abs(value) * 1e4) % common.vocab_size);

/** Segments add up in another order; where values are stored rounded, the least difference may round them otherwise. */
const SAME: Readonly<Record<CacheType, number>> = { f32: 1e-4, f16: 5e-4, int8: 1e-2 };
/**
 * What rounding keys and values may cost a model of two blocks of attention: of the largest logit at worst, and of all in the
 * mean square. Random weights make large scores, whose exponentials enlarge the errors of keys.
 */
const ROUNDED: Readonly<Record<CacheType, { ofLargest: number; nmse: number }>> = {
  f32: { ofLargest: 0, nmse: 0 },
  f16: { ofLargest: 1e-2, nmse: 1e-6 },
  int8: { ofLargest: 0.2, nmse: 5e-4 },
};

/** How many bytes buffers of keys and values have, now and at most. */
interface CacheBytes {
  now: number;
  most: number;
}

/** The device, what it counts, and what ends that: other tests have the same device. */
async function countingGpu(): Promise<{ gpu: Gpu; bytes: CacheBytes; end: () => void }> {
  const gpu = await Gpu.request({ gpu: sharedGpu() });
  const bytes = { now: 0, most: 0 };
  const create = gpu.device.createBuffer.bind(gpu.device);
  gpu.device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    if (!descriptor.label?.startsWith('kv cache')) return buffer;
    bytes.now += descriptor.size;
    bytes.most = Math.max(bytes.most, bytes.now);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      bytes.now -= descriptor.size;
      destroy();
    };
    return buffer;
  };
  const end = () => {
    gpu.device.createBuffer = create;
    gpu.dispose();
  };
  return { gpu, bytes, end };
}

describe.skipIf(!hasAdapter)('keys and values', () => {
  let gpu: Gpu;
  let bytes: CacheBytes;
  let end: (() => void) | undefined;
  const models: Model[] = [];
  const load = async (config: object, kvCacheType: CacheType, segmentTokens?: number): Promise<Model> => {
    const options = { kvCacheType, contextLength: CONTEXT, ...(segmentTokens && { segmentTokens }) };
    const model = await loadRandomModel(gpu, config, options);
    models.push(model);
    return model;
  };
  beforeAll(async () => {
    ({ gpu, bytes, end } = await countingGpu());
  });
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
    expect(bytes.now).toBe(0);
    bytes.most = 0;
  });
  afterAll(() => end?.());

  const whole = async (model: Model) => {
    model.state.reset();
    return (await forward(model, prompt)).logits;
  };

  /** What is true of each type. */
  const trials: Readonly<Record<string, (type: CacheType) => Promise<void>>> = {
    async 'cost no more than their rounding'(type) {
      const exact = await whole(await load(BAMBA, 'f32'));
      const rounded = await whole(await load(BAMBA, type));
      expectClose(rounded, exact, ROUNDED[type]);
      expect(measure(rounded, exact).abs > 0).toBe(type !== 'f32');
    },

    'are the same in segments as in one': (type) => expectSameInSegments(BAMBA, type),

    async 'are read by single steps as by chunks, over the end of a segment'(type) {
      const model = await load(BAMBA, type, CACHE_BLOCK);
      const expected = await whole(model);
      model.state.reset();
      await forward(model, prompt.slice(0, 505));
      const steps = await forwardSteps(model, prompt.slice(505, 520));
      const rows = expected.subarray(505 * common.vocab_size, 520 * common.vocab_size);
      expectClose(steps.logits, rows, { ofLargest: SAME[type] });
    },

    async 'come back from a snapshot of several segments'(type) {
      const model = await load(BAMBA, type, CACHE_BLOCK);
      await model.prefill(prompt.slice(0, 530), { logits: true });
      const snapshot = await model.snapshot();
      expect(snapshot.bytes).toBe(model.snapshotBytes());
      const never = (await forward(model, prompt.slice(530))).logits;
      const fresh = await load(BAMBA, type, CACHE_BLOCK);
      await fresh.restore(snapshot);
      expect(fresh.state.tokens).toEqual(prompt.slice(0, 530));
      expect((await forward(fresh, prompt.slice(530))).logits).toEqual(never);
      snapshot.dispose();
      await expectSnapshots(model, prompt.slice(0, 40));
    },
  };

  async function expectSameInSegments(config: object, type: CacheType): Promise<void> {
    const one = await load(config, type);
    const expected = await whole(one);
    expect(one.state.blocks[0]!.attention!.segments).toHaveLength(1);
    const segmented = await load(config, type, CACHE_BLOCK);
    expectClose(await whole(segmented), expected, { ofLargest: SAME[type] }, 'in chunks');
    expect(segmented.state.blocks[0]!.attention!.segments).toHaveLength(3);
    // Chunks that end and begin anywhere.
    segmented.state.reset();
    const parts = [prompt.slice(0, 250), prompt.slice(250, 263), prompt.slice(263)];
    const logits: number[] = [];
    for (const part of parts) logits.push(...(await forward(segmented, part)).logits);
    expectClose(logits, expected, { ofLargest: SAME[type] }, 'in parts');
  }

  describe.each(CACHE_TYPES)('in %s', (type) => {
    const { share } = partOf(CACHE_TYPES.indexOf(type), CACHE_TYPES.length);
    // Turned on by one, rounding is tried of a type that rounds.
    it.each(share(Object.entries(trials), 1))('%s', (_, trial) => trial(type));
  });

  it('of shared transformers are the same in segments as in one', () => {
    return expectSameInSegments(FAMILY_CONFIGS['zamba2: shared transformers']!, 'f16');
  });

  it('are never there twice, once they fill a segment', async () => {
    const model = await load(BAMBA, 'f32', 512);
    const perToken = 2 * 2 * BAMBA.num_key_value_heads * BAMBA.head_dim * 4;
    const seen: [capacity: number, most: number][] = [];
    await model.prefill(prompt.slice(0, 100));
    for (let tokens = 200; tokens <= 1400; tokens += 100) {
      bytes.most = bytes.now;
      await model.reserve(tokens);
      seen.push([model.state.capacity, bytes.most / perToken]);
    }
    // Up to the segment's length a copy is made, of half of it; behind it none.
    expect(Object.fromEntries(seen.toReversed())).toEqual({ 256: 256, 512: 768, 1024: 1024, 1536: 1536 });
    expect(bytes.now / perToken).toBe(1536);
  });

  it('end with the context, in a shorter segment', async () => {
    const model = await loadRandomModel(gpu, BAMBA, { contextLength: 700, segmentTokens: 512 });
    models.push(model);
    await model.reserve(700);
    expect(model.state.blocks[0]!.attention!.segments.map(({ tokens }) => tokens)).toEqual([512, 256]);
    await expect(model.reserve(701)).rejects.toMatchObject({ code: 'prompt_too_long' });
  });

  it('that do not fit leave the sequence as it was', async () => {
    const model = await load(BAMBA, 'f32', CACHE_BLOCK);
    const expected = await whole(model);
    const before = bytes.now;
    const create = gpu.device.createBuffer.bind(gpu.device);
    gpu.device.createBuffer = (descriptor) => {
      if (descriptor.label?.startsWith('kv cache') && descriptor.label.includes('block 2')) {
        throw new RangeError('no memory');
      }
      return create(descriptor);
    };
    await expect(model.reserve(CONTEXT)).rejects.toThrow('no memory');
    gpu.device.createBuffer = create;
    expect(bytes.now).toBe(before);
    expect(model.state.capacity).toBe(3 * CACHE_BLOCK);
    expectClose(await whole(model), expected, { abs: 0 });
  });
});
