import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { GREEDY } from '../sampling.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { attention, common, mamba } from '../testing/checkpoints/family-configs.ts';
import { loadRandomModel } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import type { Model } from './model.ts';

// Prompts of 64K tokens: what they take before and while they are read, and how they are stopped.

const CONTEXT = 65_536;
const BAMBA = { ...common, ...mamba, ...attention, model_type: 'bamba', num_hidden_layers: 2, attn_layer_indices: [1] };
const prompt = Array.from({ length: CONTEXT }, (_, i) => (i * 7) % common.vocab_size);

describe.skipIf(!hasAdapter)('a context of 64K tokens', () => {
  let gpu: Gpu;
  let model: Model;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    model = await loadRandomModel(gpu, BAMBA, { contextLength: CONTEXT, chunkTokens: 64, kvCacheType: 'f16' });
  });
  afterAll(() => {
    model?.dispose();
    gpu?.dispose();
  });

  it('takes memory for keys, values and angles as it is used', async () => {
    const before = model.bytes;
    await model.reserve(CONTEXT);
    const { state, activations } = model.bytes;
    expect(model.state.capacity).toBe(CONTEXT);
    const perToken = 2 * attention.num_key_value_heads * attention.head_dim * 2;
    expect(state - before.state).toBe((CONTEXT - 256) * perToken);
    // Half of the 16 dimensions of a head turn.
    expect(activations - before.activations).toBe((CONTEXT - 256) * 8 * 4);
  });

  it('is stopped within a chunk, with the state of the chunks that ran', async () => {
    for (const wanted of [1, 3]) {
      model.state.reset();
      const abort = new AbortController();
      const heard: number[] = [];
      const onChunk = (tokens: number) => {
        heard.push(tokens);
        if (heard.length === wanted) abort.abort();
      };
      await expect(model.prefill(prompt, { signal: abort.signal, onChunk })).rejects.toMatchObject({ code: 'aborted' });
      const { position, tokens } = model.state;
      // One chunk was on its way already.
      expect(position).toBeGreaterThanOrEqual(64 * wanted);
      expect(position).toBeLessThanOrEqual(64 * (wanted + 1));
      expect(tokens).toEqual(prompt.slice(0, position));
      expect(heard).toEqual(Array.from({ length: position / 64 }, (_, i) => 64 * (i + 1)));
    }
  });

  it('goes on after it was stopped as if it never had been', async () => {
    const short = prompt.slice(0, 640);
    model.state.reset();
    const abort = new AbortController();
    const aborted = model.prefill(short, { signal: abort.signal, onChunk: () => abort.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    await model.prefill(short.slice(model.state.position), { logits: true });
    const settings = { values: GREEDY, limit: 4, stopIds: [], promptIds: short };
    const { ids } = await model.beginAnswer(settings);
    const stopped = [...ids, ...(await model.decode(3)).ids];
    model.state.reset();
    await model.prefill(short, { logits: true });
    const whole = [...(await model.beginAnswer(settings)).ids, ...(await model.decode(3)).ids];
    expect(stopped).toEqual(whole);
    expect(whole).toHaveLength(4);
  });
});
